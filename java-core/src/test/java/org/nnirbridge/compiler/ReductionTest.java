package org.nnirbridge.compiler;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.FloatBuffer;
import java.util.List;
import java.util.Optional;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.nnirbridge.Models;
import org.nnirbridge.hardware.Presets;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.Binary;
import org.nnirbridge.nnir.op.Broadcast;
import org.nnirbridge.nnir.op.LayerNorm;
import org.nnirbridge.nnir.op.Linear;
import org.nnirbridge.nnir.op.Op;
import org.nnirbridge.nnir.op.Reduce;
import org.nnirbridge.nnir.op.RmsNorm;
import org.nnirbridge.nnir.op.Slice;
import org.nnirbridge.nnir.op.Softmax;
import org.nnirbridge.numerics.Bf16;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.program.Program;
import org.nnirbridge.vm.VirtualMachine;
import org.nnirbridge.vm.VmMode;

class ReductionTest {
  /** An identity that forces the data dimension of its operand onto an axis. */
  private static int laidAlong(Models models, int input, int extent, int axis) {
    float[] identity = new float[extent * extent];
    for (int i = 0; i < extent; i++) {
      identity[i * extent + i] = 1f;
    }
    Tensor weight = new Tensor(List.of(extent, extent), identity);
    return models.add(
        "laid", new Linear(weight, Tensor.zeros(List.of(extent)), false, axis), input);
  }

  private static float[] run(int block, List<Integer> shape, int dataDim, Op op) {
    Models models = new Models(1);
    int x = models.input(shape.toArray(Integer[]::new));
    int laid = laidAlong(models, x, shape.get(dataDim), dataDim);
    Program program =
        Models.compile(Presets.ipCore(3, block), models.build(models.add("r", op, laid)));
    FloatBuffer[] inputs = Models.randomInputs(program.models().get(0), 7);
    return Models.run(new VirtualMachine(program, VmMode.BIT_ACCURATE), 0, inputs).get(0);
  }

  @Property(tries = 60)
  void theBitsDependNeitherOnTheDataDimensionNorOnTheBlockSize(
      @ForAll @IntRange(min = 1, max = 5) int rows,
      @ForAll @IntRange(min = 1, max = 20) int columns,
      @ForAll @IntRange(min = 1, max = 3) int planes,
      @ForAll @IntRange(min = 0, max = 5) int which) {
    List<Integer> shape = List.of(planes, rows, columns);
    Models constants = new Models(3);
    Op op =
        switch (which) {
          case 0 -> new Reduce(Reduce.Reduction.SUM, List.of(1));
          case 1 -> new Reduce(Reduce.Reduction.MEAN, List.of(0, 2));
          case 2 -> new Softmax(1);
          case 3 -> new Softmax(2);
          case 4 -> new RmsNorm(List.of(2), 1e-5f, Optional.of(constants.tensor(columns)));
          default ->
              new LayerNorm(
                  List.of(1, 2),
                  1e-5f,
                  Optional.of(constants.tensor(rows, columns)),
                  Optional.of(constants.tensor(rows, columns)));
        };
    float[] expected = run(8, shape, 2, op);
    for (int dataDim = 0; dataDim < 3; dataDim++) {
      assertArrayEquals(expected, run(8, shape, dataDim, op));
      assertArrayEquals(expected, run(16, shape, dataDim, op));
    }
  }

  @Test
  void aSumIsOneChainInAscendingOrder() {
    float[] sums = run(8, List.of(1, 21), 1, new Reduce(Reduce.Reduction.SUM, List.of(1)));
    float sum = 0f;
    Models models = new Models(1);
    Program twin = Models.compile(models.build(models.input(1, 21)));
    FloatBuffer values = Models.randomInputs(twin.models().get(0), 7)[0];
    for (int i = 0; i < 21; i++) {
      sum += Bf16.round(values.get(i));
    }
    assertEquals(Bf16.round(sum), sums[0]);
  }

  @Test
  void whatIsReducedSpreadsAgainWithoutInstructions() {
    Models models = new Models(1);
    int x = models.input(3, 200);
    int mean = models.add("mean", new Reduce(Reduce.Reduction.MEAN, List.of(1)), x);
    int spread = models.add("spread", new Broadcast(List.of(3, 200)), mean);
    int centred = models.add("sub", new Binary(BinaryFunction.SUB), x, spread);
    Program program = Models.compile(models.build(centred));
    assertEquals(0, count(program, Opcode.LANES_MOVE));
    assertEquals(3 * 7, count(program, Opcode.FOLD));
  }

  @Test
  void aSingleLaneSpreadsByOneFold() {
    Models models = new Models(1);
    int lane = models.add("lane", new Slice(0, 70, 1, 1), models.input(200));
    Program program =
        Models.compile(models.build(models.add("spread", new Broadcast(List.of(100)), lane)));
    assertEquals(1, count(program, Opcode.FOLD));
    FloatBuffer[] inputs = Models.randomInputs(program.models().get(0), 1);
    inputs[0].put(70, -0f);
    for (float value :
        Models.run(new VirtualMachine(program, VmMode.BIT_ACCURATE), 0, inputs).get(0)) {
      assertEquals(Float.floatToRawIntBits(-0f), Float.floatToRawIntBits(value));
    }
  }

  private static long count(Program program, Opcode opcode) {
    return program.models().get(0).code().stream()
        .flatMap(core -> core.instructions().stream())
        .filter(instruction -> instruction.opcode() == opcode)
        .count();
  }
}
