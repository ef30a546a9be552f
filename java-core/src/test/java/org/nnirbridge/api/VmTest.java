package org.nnirbridge.api;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.nnirbridge.Models;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.diagnostic.MalformedFile;
import org.nnirbridge.diagnostic.MalformedProgram;
import org.nnirbridge.hardware.Presets;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.program.ProgramWriter;
import org.nnirbridge.transform.StreamingTransform;
import org.nnirbridge.vm.VirtualMachine;
import org.nnirbridge.vm.VmMode;

class VmTest {
  private static final org.nnirbridge.program.Program COMPILED =
      Models.compile(Presets.byName("bittware_ia420f_c6b32"), convolution(), twoPorts());
  private static final Program PROGRAM = Program.fromBytes(ProgramWriter.toBytes(COMPILED));

  private static Graph convolution() {
    Models models = new Models(3);
    Graph graph = models.build(models.paddedConv(models.input(5, 9), 3, 4, 1, false));
    return StreamingTransform.apply(graph, List.of(1)).graph();
  }

  private static Graph twoPorts() {
    Models models = new Models(4);
    int x = models.relu(models.input(2, 3));
    int y = models.linear(models.input(40), 7);
    return models.build(x, y);
  }

  private static float[] step(int seed, int size) {
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (float) Math.sin(seed * 31 + i);
    }
    return values;
  }

  private static void needs(String argument, Executable call) {
    assertEquals(argument, assertThrows(NullPointerException.class, call).getMessage());
  }

  @Test
  void whatIsMissingIsNamed() {
    Vm vm = PROGRAM.newVm();
    needs("file", () -> Program.load(null));
    needs("bytes", () -> Program.fromBytes(null));
    needs("settings", () -> PROGRAM.newVm(null));
    needs("input", () -> vm.run((float[]) null));
    needs("inputs", () -> vm.run(0, null));
    needs("input", () -> vm.run(0, Collections.singletonList(null)));
    needs("outputs", () -> vm.run(0, List.of(FloatBuffer.allocate(5)), null));
    needs("snapshot", () -> vm.restore(null));
  }

  @Test
  void preparingChangesNoResult() {
    Models models = new Models(9);
    Graph graph = models.build(models.lstm(models.input(4, 30), 128));
    Program recurrent =
        Program.fromBytes(
            ProgramWriter.toBytes(
                Models.compile(StreamingTransform.apply(graph, List.of(0)).graph())));
    Vm vm = recurrent.newVm();
    Vm prepared = recurrent.newVm();
    for (int i = 0; i < 5; i++) {
      prepared.prepare(0);
      assertArrayEquals(vm.run(step(i, 30)), prepared.run(step(i, 30)));
    }
    InvalidArgument refused = assertThrows(InvalidArgument.class, () -> vm.prepare(1));
    assertEquals(
        "model index 1 is out of range; the program has models 0 to 0", refused.getMessage());
  }

  @Test
  void aProgramSaysWhatItIs() {
    assertEquals(
        "Program for bittware_ia420f_c6b32: model0 [5] -> [3], model1 [2, 3], [40] -> [2, 3], [7]",
        PROGRAM.toString());
    assertEquals(2, PROGRAM.models().size());
    Model model = PROGRAM.models().get(0);
    assertEquals(List.of(5), model.inputs().get(0).shape());
    assertEquals(1, model.inputs().get(0).streamingDim().getAsInt());
    assertFalse(model.inputs().get(0).isFloat32());
    assertEquals(3, model.outputs().get(0).size());
    assertFalse(model.isResettable());
    long cycles = PROGRAM.cyclesPerInference(0, true);
    assertTrue(cycles > 0 && cycles < PROGRAM.cyclesPerInference(0, false));
    assertEquals(
        (double) cycles / COMPILED.config().clockMhz(), PROGRAM.microsPerInference(0, true));
    assertEquals(COMPILED.config().numCores(), PROGRAM.coreUse().size());
    assertTrue(PROGRAM.coreUse().stream().anyMatch(core -> core.weightStoreUsed() > 0));
  }

  @Test
  void stepsHaveTheBitsOfTheMachine() {
    VirtualMachine machine = new VirtualMachine(COMPILED, VmMode.BIT_ACCURATE);
    Vm vm = PROGRAM.newVm();
    for (int i = 0; i < 6; i++) {
      FloatBuffer expected = FloatBuffer.allocate(3);
      machine.run(
          0, new FloatBuffer[] {FloatBuffer.wrap(step(i, 5))}, new FloatBuffer[] {expected}, true);
      assertArrayEquals(expected.array(), vm.run(0, List.of(step(i, 5))).get(0));
    }
  }

  @Test
  void buffersMayBePartsOfOthersAndStayWhereTheyAre() {
    FloatBuffer input =
        ByteBuffer.allocateDirect(64).asFloatBuffer().put(2, step(1, 6)).position(2).limit(8);
    FloatBuffer second = FloatBuffer.wrap(step(2, 50), 7, 40);
    FloatBuffer output = FloatBuffer.allocate(9).position(3);
    FloatBuffer linear = FloatBuffer.allocate(7);
    PROGRAM.newVm().run(1, List.of(input, second), List.of(output, linear));
    assertEquals(2, input.position());
    assertEquals(3, output.position());
    float[] copied = new float[40];
    second.get(second.position(), copied);
    List<float[]> expected = PROGRAM.newVm().run(1, List.of(step(1, 6), copied));
    float[] written = new float[6];
    output.get(3, written);
    assertArrayEquals(expected.get(0), written);
    assertArrayEquals(expected.get(1), linear.array());
  }

  @Test
  void streamsThreadsAndSnapshotsGoTogether() {
    Vm vm = PROGRAM.newVm(VmSettings.DEFAULT.withStreams(3).withThreads(2));
    vm.run(0, List.of(step(1, 15)));
    Vm other = PROGRAM.newVm(VmSettings.DEFAULT.withStreams(3));
    other.restore(vm.snapshot());
    assertArrayEquals(
        vm.run(0, List.of(step(2, 15))).get(0), other.run(0, List.of(step(2, 15))).get(0));
    Vm alone = PROGRAM.newVm();
    MalformedFile refused = assertThrows(MalformedFile.class, () -> alone.restore(vm.snapshot()));
    assertTrue(refused.getMessage().contains("with 3 streams, this one has 1"));
  }

  @Test
  void float32AndTruncationDiffer() {
    float[] third = {1f / 3, 1f / 3, 1f / 3, 1f / 3, 1f / 3, 1f / 3};
    List<float[]> inputs = List.of(third, step(1, 40));
    float exact = PROGRAM.newVm(VmSettings.DEFAULT.inFloat32()).run(1, inputs).get(0)[0];
    float truncated = PROGRAM.newVm(VmSettings.DEFAULT.truncatingInputs()).run(1, inputs).get(0)[0];
    float rounded = PROGRAM.newVm().run(1, inputs).get(0)[0];
    assertEquals(1f / 3, exact);
    assertEquals(0.33203125f, truncated);
    assertEquals(0.333984375f, rounded);
  }

  @Test
  void wrongCallsSayWhatIsWrong() {
    Vm vm = PROGRAM.newVm();
    assertRefused(
        "model model0, input 0: 5 values are needed for shape [5] and 1 streams, got 4",
        () -> vm.run(step(1, 4)));
    assertRefused("model model1 has 2 inputs, got 1", () -> vm.run(1, List.of(step(1, 6))));
    assertRefused(
        "model index 2 is out of range; the program has models 0 to 1", () -> vm.run(2, List.of()));
    assertRefused(
        "model model0 cannot be reset; compile it with generate_state_reset=True, or make a new Vm",
        () -> vm.reset(0));
    assertRefused(
        "num_streams: 0 is not from 1 to 4096",
        () -> PROGRAM.newVm(VmSettings.DEFAULT.withStreams(0)));
    Program two = Program.fromBytes(ProgramWriter.toBytes(Models.compile(twoPorts())));
    assertRefused(
        "model model0 has 2 inputs and 2 outputs; run it with an array for each",
        () -> two.newVm().run(1f));
  }

  private static void assertRefused(String message, Executable call) {
    assertEquals(message, assertThrows(InvalidArgument.class, call).getMessage());
  }

  @Test
  void filesThatAreNoProgramsSayWhy(@TempDir Path directory) throws Exception {
    assertThrows(NoSuchFileException.class, () -> Program.load(directory.resolve("none")));
    Path file = directory.resolve("bad.vollo");
    Files.write(file, new byte[100]);
    MalformedProgram refused = assertThrows(MalformedProgram.class, () -> Program.load(file));
    assertTrue(refused.getMessage().startsWith(file + ": not a program file: "));
  }
}
