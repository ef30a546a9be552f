package org.nnirbridge.vm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nnirbridge.Models;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.hardware.Presets;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Program;
import org.nnirbridge.transform.StreamingTransform;

class VirtualMachineTest {
  private static final int STEPS = 6;

  /** Large enough that several threads share them. */
  static Stream<Program> programs() {
    return Stream.of(mlp(), convolutions(), lstm()).map(Models::compile);
  }

  private static Graph mlp() {
    Models models = new Models(2);
    int x = models.relu(models.linear(models.input(300), 480));
    return models.build(models.linear(x, 401), x);
  }

  private static Graph convolutions() {
    Models models = new Models(3);
    int x = models.paddedConv(models.input(96, 9), 128, 5, 2, false);
    int y = models.paddedConv(models.paddedConv(x, 128, 3, 4, true), 160, 4, 1, false);
    return StreamingTransform.apply(models.build(models.relu(y)), List.of(1)).graph();
  }

  private static Graph lstm() {
    Models models = new Models(4);
    int x = models.lstm(models.lstm(models.input(9, 130), 200), 256);
    return StreamingTransform.apply(models.build(models.linear(x, 7)), List.of(0)).graph();
  }

  private static int[][] run(Program program, VmOptions options, int stream) {
    Model model = program.models().get(0);
    VirtualMachine vm = new VirtualMachine(program, options);
    int[][] bits = new int[STEPS][];
    for (int step = 0; step < STEPS; step++) {
      FloatBuffer[] inputs = buffers(model, options.streams(), true);
      FloatBuffer[] outputs = buffers(model, options.streams(), false);
      for (int s = 0; s < options.streams(); s++) {
        FloatBuffer[] values = Models.randomInputs(model, 100 * step + stream + s);
        for (int i = 0; i < inputs.length; i++) {
          inputs[i].put(s * values[i].capacity(), values[i].array());
        }
      }
      vm.run(0, inputs, outputs, true);
      bits[step] =
          Stream.of(outputs)
              .flatMapToInt(
                  output ->
                      IntStream.range(0, output.capacity())
                          .map(j -> Float.floatToRawIntBits(output.get(j))))
              .toArray();
    }
    return bits;
  }

  private static FloatBuffer[] buffers(Model model, int streams, boolean inputs) {
    return (inputs ? model.inputs() : model.outputs())
        .stream()
            .map(port -> FloatBuffer.allocate(port.size() * streams))
            .toArray(FloatBuffer[]::new);
  }

  @ParameterizedTest
  @MethodSource("programs")
  void theBitsDoNotDependOnTheNumberOfThreads(Program program) {
    for (VmMode mode : VmMode.values()) {
      int[][] alone = run(program, new VmOptions(mode, 1, 1), 0);
      for (int threads : new int[] {2, 3, 5}) {
        VmOptions options = new VmOptions(mode, threads, 1);
        assertTrue(
            mode == VmMode.NO_COMPUTE || new VirtualMachine(program, options).threads(0) > 1);
        int[][] shared = run(program, options, 0);
        for (int step = 0; step < STEPS; step++) {
          assertArrayEquals(alone[step], shared[step]);
        }
      }
    }
  }

  /** So many steps that some go the other way, to find out whether that is faster. */
  @Test
  void theBitsDoNotDependOnWhichStepsThreadsShare() {
    Program program = Models.compile(lstm());
    Model model = program.models().get(0);
    VirtualMachine alone = new VirtualMachine(program, new VmOptions(VmMode.BIT_ACCURATE, 1, 1));
    VirtualMachine shared = new VirtualMachine(program, new VmOptions(VmMode.BIT_ACCURATE, 2, 1));
    FloatBuffer[] expected = buffers(model, 1, false);
    FloatBuffer[] actual = buffers(model, 1, false);
    for (int step = 0; step < 700; step++) {
      FloatBuffer[] inputs = Models.randomInputs(model, step);
      alone.run(0, inputs, expected, true);
      shared.run(0, inputs, actual, true);
      assertArrayEquals(expected[0].array(), actual[0].array(), "step " + step);
    }
  }

  /** Two threads share the work of 7 streams; of 14 and 21, each thread has some of its own. */
  @ParameterizedTest
  @MethodSource("programs")
  void eachStreamHasTheBitsOfAMachineOfItsOwn(Program program) {
    for (VmMode mode : List.of(VmMode.BIT_ACCURATE, VmMode.FLOAT32)) {
      checkStreams(program, new VmOptions(mode, 2, 7));
      checkStreams(program, new VmOptions(mode, 2, 14));
      checkStreams(program, new VmOptions(mode, 5, 21));
    }
  }

  private static void checkStreams(Program program, VmOptions options) {
    Model model = program.models().get(0);
    assertEquals(options.threads(), new VirtualMachine(program, options).threads(0));
    int streams = options.streams();
    int[][] together = run(program, options, 0);
    for (int stream = 0; stream < streams; stream++) {
      int[][] alone = run(program, new VmOptions(options.mode(), 1, 1), stream);
      for (int step = 0; step < STEPS; step++) {
        int from = 0;
        int fromAlone = 0;
        for (var port : model.outputs()) {
          int[] expected = slice(alone[step], fromAlone, port.size());
          int[] actual = slice(together[step], from + stream * port.size(), port.size());
          assertArrayEquals(expected, actual, options + ", stream " + stream + ", step " + step);
          from += port.size() * streams;
          fromAlone += port.size();
        }
      }
    }
  }

  @Test
  void littleWorkOfManyStreamsStaysOnOneThread() {
    Program program = Models.compile(Models.mlp());
    VmOptions options = new VmOptions(VmMode.BIT_ACCURATE, 2, 8);
    assertEquals(1, new VirtualMachine(program, options).threads(0));
  }

  private static int[] slice(int[] values, int from, int length) {
    return Arrays.copyOfRange(values, from, from + length);
  }

  @Test
  void machinesOnSeveralThreadsDoNotDisturbEachOther() throws Exception {
    Program program = Models.compile(lstm());
    VmOptions options = new VmOptions(VmMode.BIT_ACCURATE, 2, 1);
    int[][] expected = run(program, options, 0);
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      Callable<int[][]> run = () -> run(program, options, 0);
      for (Future<int[][]> result : threads.invokeAll(Collections.nCopies(20, run))) {
        for (int step = 0; step < STEPS; step++) {
          assertArrayEquals(expected[step], result.get()[step]);
        }
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @ParameterizedTest
  @EnumSource(VmMode.class)
  void aStepAllocatesNothing(VmMode mode) {
    Program program = Models.compile(lstm());
    VirtualMachine vm = new VirtualMachine(program, new VmOptions(mode, 1, 2));
    Model model = program.models().get(0);
    FloatBuffer[] inputs = buffers(model, 2, true);
    FloatBuffer[] outputs = buffers(model, 2, false);
    var memory = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long least = Long.MAX_VALUE;
    // Compiled code allocates nothing; until it is there, the interpreter makes vectors objects.
    for (int attempt = 0; attempt < 400 && least > 0; attempt++) {
      long before = memory.getCurrentThreadAllocatedBytes();
      for (int step = 0; step < 50; step++) {
        vm.run(0, inputs, outputs, true);
      }
      least = Math.min(least, memory.getCurrentThreadAllocatedBytes() - before);
    }
    assertEquals(0, least);
  }

  @Test
  void refusesMoreStreamsThanAnArrayHolds() {
    Models models = new Models(1);
    Program program =
        Models.compile(
            Presets.byName("amd_v80_c6b32"), models.build(models.relu(models.input(600_000))));
    for (int threads = 1; threads <= 2; threads++) {
      VmOptions options = new VmOptions(VmMode.BIT_ACCURATE, threads, 4096);
      InvalidArgument refused =
          assertThrows(InvalidArgument.class, () -> new VirtualMachine(program, options));
      assertEquals(
          "num_streams: 4096 are too many: a stream of this model takes 1200016 values; at most "
              + 1789 * threads
              + " streams of it fit",
          refused.getMessage());
    }
  }

  @Test
  void refusesNumbersThatCannotBe() {
    Program program = Models.compile(Models.mlp());
    for (int threads : new int[] {-1, 65}) {
      assertThrows(InvalidArgument.class, () -> new VmOptions(VmMode.BIT_ACCURATE, threads, 1));
    }
    for (int streams : new int[] {0, -3, 1 << 20}) {
      assertThrows(InvalidArgument.class, () -> new VmOptions(VmMode.BIT_ACCURATE, 1, streams));
    }
    assertEquals(1, new VirtualMachine(program, VmMode.BIT_ACCURATE).options().threads());
  }
}
