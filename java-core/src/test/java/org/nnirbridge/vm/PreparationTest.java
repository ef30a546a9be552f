package org.nnirbridge.vm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.nio.FloatBuffer;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.nnirbridge.Models;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Program;
import org.nnirbridge.transform.StreamingTransform;

class PreparationTest {
  private static final Program PROGRAM = Models.compile(layers());

  private enum Call {
    STEP,
    PREPARE,
    RESET,
    SNAPSHOT,
    RESTORE
  }

  /** Two recurrent layers, large enough that several threads share them, and an unused input. */
  private static Graph layers() {
    Models models = new Models(8);
    int x = models.lstm(models.lstm(models.input(9, 130), 200), 160);
    models.input(9, 400);
    return StreamingTransform.apply(models.build(models.linear(x, 7), x), List.of(0, 0)).graph();
  }

  /** A machine and what it was asked to keep. */
  private static final class Subject {
    private final VirtualMachine vm;
    private byte[] snapshot;

    Subject(int threads, int streams) {
      vm = new VirtualMachine(PROGRAM, new VmOptions(VmMode.BIT_ACCURATE, threads, streams));
      snapshot = vm.snapshot();
    }

    float[][] step(int seed) {
      Model model = PROGRAM.models().get(0);
      int streams = vm.options().streams();
      Random random = new Random(seed);
      FloatBuffer[] inputs =
          model.inputs().stream()
              .map(port -> random(port.size() * streams, random))
              .toArray(FloatBuffer[]::new);
      float[][] outputs =
          model.outputs().stream()
              .map(port -> new float[port.size() * streams])
              .toArray(float[][]::new);
      FloatBuffer[] targets = {FloatBuffer.wrap(outputs[0]), FloatBuffer.wrap(outputs[1])};
      vm.run(0, inputs, targets, true);
      return outputs;
    }

    private static FloatBuffer random(int size, Random random) {
      float[] values = new float[size];
      for (int i = 0; i < size; i++) {
        values[i] = (float) random.nextGaussian();
      }
      return FloatBuffer.wrap(values);
    }
  }

  @Property(tries = 60)
  void changesNoBitWheneverItComes(
      @ForAll @Size(min = 5, max = 25) List<Call> calls,
      @ForAll @IntRange(min = 1, max = 3) int threads,
      @ForAll @IntRange(min = 1, max = 13) int streams) {
    Subject prepared = new Subject(threads, streams);
    Subject other = new Subject(1, streams);
    for (int i = 0; i < calls.size(); i++) {
      switch (calls.get(i)) {
        case STEP -> assertArrayEquals(other.step(i), prepared.step(i));
        case PREPARE -> prepared.vm.prepare(0);
        case RESET -> {
          prepared.vm.reset(0);
          other.vm.reset(0);
        }
        case SNAPSHOT -> {
          prepared.snapshot = prepared.vm.snapshot();
          other.snapshot = other.vm.snapshot();
          assertArrayEquals(other.snapshot, prepared.snapshot);
        }
        case RESTORE -> {
          prepared.vm.restore(prepared.snapshot);
          other.vm.restore(other.snapshot);
        }
      }
    }
    assertArrayEquals(other.step(99), prepared.step(99));
  }
}
