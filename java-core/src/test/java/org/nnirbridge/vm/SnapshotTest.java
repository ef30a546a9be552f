package org.nnirbridge.vm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.FloatBuffer;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.nnirbridge.Models;
import org.nnirbridge.diagnostic.MalformedFile;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Program;
import org.nnirbridge.transform.StreamingTransform;

class SnapshotTest {
  private static final Program CONVOLUTIONS = Models.compile(convolutions());

  private static org.nnirbridge.nnir.Graph convolutions() {
    Models models = new Models(3);
    int x = models.paddedConv(models.input(40, 9), 96, 5, 2, false);
    int y = models.paddedConv(x, 96, 3, 4, true);
    return StreamingTransform.apply(models.build(models.relu(y)), List.of(1)).graph();
  }

  private static VirtualMachine machine(int threads, int streams) {
    return new VirtualMachine(CONVOLUTIONS, new VmOptions(VmMode.BIT_ACCURATE, threads, streams));
  }

  private static float[] step(VirtualMachine vm, Random random) {
    Model model = CONVOLUTIONS.models().get(0);
    int streams = vm.options().streams();
    float[] input = new float[model.inputs().get(0).size() * streams];
    for (int i = 0; i < input.length; i++) {
      input[i] = (float) random.nextGaussian();
    }
    FloatBuffer output = FloatBuffer.allocate(model.outputs().get(0).size() * streams);
    vm.run(0, new FloatBuffer[] {FloatBuffer.wrap(input)}, new FloatBuffer[] {output}, true);
    return output.array();
  }

  @Property(tries = 30)
  void aMachineWithOtherThreadsGoesOnWithTheSameBits(
      @ForAll @IntRange(max = 12) int before,
      @ForAll @IntRange(min = 1, max = 3) int threads,
      @ForAll @IntRange(min = 1, max = 14) int streams) {
    VirtualMachine vm = machine(1, streams);
    Random random = new Random(before);
    for (int i = 0; i < before; i++) {
      step(vm, random);
    }
    VirtualMachine other = machine(threads, streams);
    step(other, random);
    other.restore(vm.snapshot());
    assertArrayEquals(vm.snapshot(), other.snapshot());
    for (int i = 0; i < 12; i++) {
      assertArrayEquals(step(vm, new Random(i)), step(other, new Random(i)));
    }
  }

  @Test
  void everyFlippedBitIsNoticed() {
    VirtualMachine vm = machine(1, 1);
    step(vm, new Random(1));
    byte[] snapshot = vm.snapshot();
    Random random = new Random(2);
    for (int i = 0; i < 300; i++) {
      int at = i < 64 ? i : random.nextInt(snapshot.length);
      byte[] damaged = snapshot.clone();
      damaged[at] ^= (byte) (1 << random.nextInt(8));
      assertThrows(MalformedFile.class, () -> vm.restore(damaged));
      assertArrayEquals(snapshot, vm.snapshot());
    }
  }

  @Test
  void anotherProgramsSnapshotIsRefused() {
    byte[] foreign =
        new VirtualMachine(Models.compile(Models.mlp()), VmMode.BIT_ACCURATE).snapshot();
    MalformedFile refused = assertThrows(MalformedFile.class, () -> machine(1, 1).restore(foreign));
    assertEquals(
        "the snapshot is of another program; restore it on a machine of the program it was taken of",
        refused.getMessage());
  }
}
