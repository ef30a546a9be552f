package org.nnirbridge.program;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.FloatBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.nnirbridge.Models;
import org.nnirbridge.diagnostic.MalformedProgram;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.hardware.Presets;
import org.nnirbridge.isa.Address;
import org.nnirbridge.isa.Descriptor;
import org.nnirbridge.isa.Instruction;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.isa.Region;
import org.nnirbridge.isa.Window;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.op.Binary;
import org.nnirbridge.nnir.op.RmsNorm;
import org.nnirbridge.nnir.op.Select;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.transform.StreamingTransform;
import org.nnirbridge.vm.VirtualMachine;
import org.nnirbridge.vm.VmMode;

class ProgramFileTest {
  private static Program recurrent() {
    Models models = new Models(5);
    int x = models.input(6, 20);
    int hidden = models.lstm(x, 40);
    int norm = models.add("norm", new RmsNorm(List.of(1), 1e-5f, Optional.empty()), hidden);
    int mask = models.add("mask", new Binary(BinaryFunction.GREATER), hidden, norm);
    int chosen = models.add("chosen", new Select(), mask, hidden, norm);
    Graph graph = models.build(models.relu(models.linear(chosen, 7)));
    return Models.compile(StreamingTransform.apply(graph, List.of(0)).graph());
  }

  @Test
  void readsBackWhatItWrote() {
    byte[] bytes = ProgramWriter.toBytes(recurrent());
    Program read = ProgramReader.fromBytes(bytes);
    assertArrayEquals(bytes, ProgramWriter.toBytes(read));
    assertEquals(recurrent().metrics(), read.metrics());
  }

  @Test
  void runsTheSameBitsAfterReading() {
    Program program = recurrent();
    VirtualMachine before = new VirtualMachine(program, VmMode.BIT_ACCURATE);
    VirtualMachine after =
        new VirtualMachine(
            ProgramReader.fromBytes(ProgramWriter.toBytes(program)), VmMode.BIT_ACCURATE);
    for (int t = 0; t < 4; t++) {
      FloatBuffer[] step = Models.randomInputs(program.models().get(0), t);
      assertArrayEquals(Models.run(before, 0, step).get(0), Models.run(after, 0, step).get(0));
    }
  }

  @Test
  void everyDamagedFileIsRefused() {
    byte[] bytes = ProgramWriter.toBytes(recurrent());
    Random random = new Random(7);
    for (int i = 0; i < 300; i++) {
      byte[] damaged =
          i % 2 == 0
              ? Arrays.copyOf(bytes, random.nextInt(bytes.length))
              : flipped(bytes, random.nextInt(bytes.length * 8));
      assertThrows(MalformedProgram.class, () -> ProgramReader.fromBytes(damaged));
    }
  }

  @Test
  void damageBehindAValidChecksumIsRefusedOrHarmless() {
    byte[] bytes = ProgramWriter.toBytes(recurrent());
    int content = bytes.length - ProgramFormat.DIGEST_BYTES;
    Random random = new Random(11);
    int headAndCode = 4096;
    for (int i = 0; i < 2000; i++) {
      byte[] damaged = flipped(bytes, random.nextInt(headAndCode * 8));
      byte[] digest = ProgramFormat.digest(damaged, content);
      System.arraycopy(digest, 0, damaged, content, digest.length);
      try {
        VirtualMachine vm =
            new VirtualMachine(ProgramReader.fromBytes(damaged), VmMode.BIT_ACCURATE);
        Models.run(vm, 0, Models.randomInputs(vm.program().models().get(0), i));
      } catch (MalformedProgram expected) {
        continue;
      }
    }
  }

  @Test
  void aForeignFileIsNamedAsSuch() {
    MalformedProgram error =
        assertThrows(
            MalformedProgram.class, () -> ProgramReader.fromBytes(new byte[] {80, 75, 3, 4}));
    assertEquals(
        "not a program file: it does not start with the program file's mark; give a file written by"
            + " Program.save",
        error.getMessage());
  }

  @Test
  void aStoreBeyondAnArrayIsRefused() {
    CoreImage image = new CoreImage(new byte[0], none(), List.of(), none(), none(), 1 << 24, 0, 0);
    assertEquals("core 0: 16777216 blocks are too many", refusal(image, code(), List.of()));
  }

  private static CoreImage weights(int fp8, int bf16) {
    return new CoreImage(new byte[fp8], new float[bf16], List.of(), none(), none(), 16, 0, 0);
  }

  @Test
  void fp8WeightsOnABoardWithoutThemAreRefused() {
    assertEquals(
        "core 0: FP8 weights, which the board does not have",
        refusal(weights(1024 * 1024, 0), code(), List.of()));
  }

  @Test
  void twoFp8BlocksShareOneOfTheStore() {
    HardwareConfig config = withFp8(2);
    int block = 32 * 32;
    Program program = program(config, weights(3 * block, 0));
    assertEquals(List.of(2), program.metrics().weightStoreUsed());
    assertEquals(
        program.metrics(), ProgramReader.fromBytes(ProgramWriter.toBytes(program)).metrics());
    assertEquals(List.of(2), program(config, weights(block, block)).metrics().weightStoreUsed());
    assertEquals(
        "core 0: weight store: 3 of 2", refusal(program(config, weights(3 * block, block))));
    assertEquals("core 0: weight store: 3 of 2", refusal(program(config, weights(5 * block, 0))));
  }

  @Test
  void fp8WeightsThatAreNotWholeBlocksAreRefused() {
    assertEquals(
        "core 0: weights are not whole blocks", refusal(program(withFp8(2), weights(1000, 0))));
  }

  /** A board of one core with FP8. */
  private static HardwareConfig withFp8(int weightStoreDepth) {
    return HardwareConfig.fromJson(
        Presets.byName("amd_v80_c6b32")
            .toJson()
            .replaceFirst("\"num_cores\":\\d+", "\"num_cores\":1")
            .replaceFirst(
                "\"weight_store_depth\":\\d+", "\"weight_store_depth\":" + weightStoreDepth));
  }

  private static Program program(HardwareConfig config, CoreImage image) {
    Model model = new Model("m", List.of(), List.of(), List.of(code()), false);
    return new Program(config, List.of(image), List.of(model));
  }

  private static String refusal(Program program) {
    return refusal(ProgramWriter.toBytes(program));
  }

  private static String refusal(byte[] bytes) {
    return assertThrows(MalformedProgram.class, () -> ProgramReader.fromBytes(bytes)).getMessage();
  }

  @Test
  void aFoldOfMoreLanesThanABlockHasIsRefused() {
    Instruction fold = new Instruction(Opcode.FOLD, 0, 0, 0, 0, 1025, 0);
    CoreCode code = new CoreCode(List.of(fold), List.of(), List.of());
    assertEquals("model m, core 0, instruction 0: lanes 1025", refusal(image(), code, List.of()));
  }

  @Test
  void windowsThatShareBlocksAreRefused() {
    Window window = new Window(0, 5, 2, 1, List.of());
    CoreCode code = new CoreCode(List.of(), List.of(window, window), List.of());
    assertEquals("model m, core 0: windows share blocks", refusal(image(), code, List.of()));
  }

  @Test
  void aWindowOnAConstantIsRefused() {
    CoreCode code = new CoreCode(List.of(), List.of(window()), List.of());
    assertEquals(
        "model m, core 0: a window lies on a constant", refusal(image(6), code, List.of()));
  }

  @Test
  void anAddressInsideAWindowIsRefused() {
    assertEquals(
        "model m, core 0, instruction 0: address t5 lies in a window",
        refusal(image(), clearing(Address.of(Region.TENSOR, 5)), List.of()));
  }

  @Test
  void writingToAConstantIsRefused() {
    assertEquals(
        "model m, core 0, instruction 0: address t12 writes to a constant",
        refusal(image(12), clearing(Address.of(Region.TENSOR, 12)), List.of()));
  }

  @Test
  void writingToAnEarlierEntryIsRefused() {
    assertEquals(
        "model m, core 0, instruction 0: address w0 writes to an earlier entry",
        refusal(image(), clearing(Address.of(Region.WINDOW, 0)), List.of()));
  }

  @Test
  void aSumOfVeryManyPartsIsPlannedWithoutKeepingAllOfItsBeginnings() {
    Instruction add =
        new Instruction(Opcode.MATVEC, Address.of(Region.ACCUMULATOR, 0), 0, 0, 1, 1, 0);
    List<Instruction> instructions = new ArrayList<>(Collections.nCopies(30_000, add));
    instructions.add(new Instruction(Opcode.WRITE, Address.of(Region.ACCUMULATOR, 0), 0, 0, 1));
    CoreImage image =
        new CoreImage(
            new byte[0],
            new float[1024 * 1024],
            List.of(new FixedBlock(Address.of(Region.TENSOR, 0), NumberFormat.BF16, ones())),
            none(),
            none(),
            1,
            0,
            1);
    image.weights()[0] = 1f;
    Port output = new Port("y", List.of(1), NumberFormat.FP32, OptionalInt.empty(), 0);
    Model model =
        new Model(
            "m",
            List.of(),
            List.of(output),
            List.of(new CoreCode(instructions, List.of(), List.of())),
            false);
    Program program = new Program(Presets.ipCore(1, 1024), List.of(image), List.of(model));
    VirtualMachine vm = new VirtualMachine(program, VmMode.BIT_ACCURATE);
    assertEquals(30_000f, Models.run(vm, 0).get(0)[0]);
  }

  private static float[] ones() {
    float[] ones = new float[1024];
    Arrays.fill(ones, 1f);
    return ones;
  }

  /** Four entries in blocks 4 to 7. */
  private static Window window() {
    return new Window(Address.of(Region.TENSOR, 4), 4, 1, 1, List.of());
  }

  private static CoreCode clearing(int address) {
    return new CoreCode(
        List.of(new Instruction(Opcode.CLEAR, address)),
        List.of(window()),
        List.of(new Descriptor(0, 1, 0)));
  }

  private static CoreImage image(int constantAt) {
    FixedBlock constant =
        new FixedBlock(Address.of(Region.TENSOR, constantAt), NumberFormat.BF16, ones());
    return new CoreImage(new byte[0], none(), List.of(constant), none(), none(), 16, 0, 0);
  }

  @Test
  void aWindowOfManyEmptyEntriesIsNoWork() {
    Window window = new Window(0, Integer.MAX_VALUE, 0, 1, List.of());
    CoreCode code = new CoreCode(List.of(), Collections.nCopies(1000, window), List.of());
    Program read = ProgramReader.fromBytes(bytes(image(), code, List.of()));
    assertTimeout(
        Duration.ofSeconds(20), () -> new VirtualMachine(read, VmMode.BIT_ACCURATE).reset(0));
  }

  @Test
  void portsBeyondTheTransferRegionAreRefused() {
    Port port = new Port("x", List.of(1 << 27), NumberFormat.BF16, OptionalInt.empty(), 0);
    assertEquals(
        "model m: 402653184 inputs and outputs",
        refusal(image(), code(), List.of(port, port, port)));
  }

  @Test
  void aPortWhoseSizeOverflowsIsRefused() {
    Port port =
        new Port("x", List.of(1 << 28, 1 << 28, 0), NumberFormat.BF16, OptionalInt.empty(), 0);
    assertTrue(
        refusal(image(), code(), List.of(port))
            .endsWith("a tensor of shape [268435456, 268435456, 0]"));
  }

  @Test
  void aLinkThatOverflowsIsRefused() {
    Instruction send = new Instruction(Opcode.SEND, 0, 16, 2, 0);
    Instruction receive = new Instruction(Opcode.RECEIVE, 0, 0, 16, 0);
    Instruction last = new Instruction(Opcode.RECEIVE, 0, 1, 1, 0);
    int count = (1 << 16) + 1;
    CoreCode first = new CoreCode(Collections.nCopies(count, send), List.of(), List.of());
    List<Instruction> waiting = new ArrayList<>(List.of(last));
    waiting.addAll(Collections.nCopies(count, receive));
    assertTrue(
        ExecutionOrder.of(List.of(first, new CoreCode(waiting, List.of(), List.of()))).isEmpty());
    assertTrue(
        ExecutionOrder.of(
                List.of(first, new CoreCode(waiting.subList(1, count + 1), List.of(), List.of())))
            .isPresent());
  }

  private static float[] none() {
    return new float[0];
  }

  private static CoreImage image() {
    return new CoreImage(new byte[0], none(), List.of(), none(), none(), 16, 0, 0);
  }

  private static CoreCode code() {
    return new CoreCode(List.of(), List.of(), List.of());
  }

  private static byte[] bytes(CoreImage image, CoreCode code, List<Port> inputs) {
    HardwareConfig config =
        HardwareConfig.fromJson(
            Presets.ipCore(1, 1024)
                .toJson()
                .replaceFirst("\"tensor_ram_depth\":\\d+", "\"tensor_ram_depth\":16777216"));
    return ProgramWriter.toBytes(
        new Program(
            config,
            List.of(image),
            List.of(new Model("m", inputs, List.of(), List.of(code), false))));
  }

  private static String refusal(CoreImage image, CoreCode code, List<Port> inputs) {
    return refusal(bytes(image, code, inputs));
  }

  private static byte[] flipped(byte[] bytes, int bit) {
    byte[] flipped = bytes.clone();
    flipped[bit / 8] ^= (byte) (1 << bit % 8);
    return flipped;
  }
}
