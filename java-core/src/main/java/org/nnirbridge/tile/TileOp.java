package org.nnirbridge.tile;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.IntPredicate;
import java.util.function.IntUnaryOperator;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.UnaryFunction;

/** What makes a tile: work of one instruction or a few on one core. Operands are ids of tiles. */
public sealed interface TileOp {
  /** The tiles it reads. */
  List<Integer> operands();

  /** The same work on other tiles. */
  TileOp withOperands(IntUnaryOperator newId);

  /** Whether all lanes hold one value, padding included, given which operands do. */
  default boolean isUniform(IntPredicate isUniformOperand) {
    return false;
  }

  /** Work that computes each lane from the same lane of its operands. */
  sealed interface LaneWise extends TileOp {
    @Override
    default boolean isUniform(IntPredicate isUniformOperand) {
      return operands().stream().allMatch(isUniformOperand::test);
    }
  }

  /** One word of an input. */
  record FromInput(int port, int word) implements TileOp {
    @Override
    public List<Integer> operands() {
      return List.of();
    }

    @Override
    public TileOp withOperands(IntUnaryOperator newId) {
      return this;
    }
  }

  /**
   * Values known at compile time.
   *
   * @param keepsFormat whether they have the format of the tile in every use, as values of the run
   *     do, or take the format of their use
   */
  record Fixed(float[] values, boolean keepsFormat) implements TileOp {
    /** Values that take the format of their use. */
    Fixed(float[] values) {
      this(values, false);
    }

    @Override
    public List<Integer> operands() {
      return List.of();
    }

    @Override
    public TileOp withOperands(IntUnaryOperator newId) {
      return this;
    }

    @Override
    public boolean isUniform(IntPredicate isUniformOperand) {
      for (float value : values) {
        if (Float.floatToRawIntBits(value) != Float.floatToRawIntBits(values[0])) {
          return false;
        }
      }
      return true;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Fixed fixed
          && Arrays.equals(values, fixed.values)
          && keepsFormat == fixed.keepsFormat;
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(values);
    }
  }

  /** One tile of a state's entry of some age. */
  record FromState(int state, int age, int offset) implements TileOp {
    @Override
    public List<Integer> operands() {
      return List.of();
    }

    @Override
    public TileOp withOperands(IntUnaryOperator newId) {
      return this;
    }
  }

  /**
   * Blocks of a row of a matrix, side by side, times a run of tiles.
   *
   * @param rowBlock which B rows
   * @param firstBlock the first of the row's blocks
   * @param inputs a tile for each block
   */
  record Segment(WeightMatrix matrix, int rowBlock, int firstBlock, List<Integer> inputs) {
    public Segment {
      inputs = List.copyOf(inputs);
    }

    /** Some of its blocks, from one of its own to another, which is not among them. */
    public Segment part(int from, int to) {
      return new Segment(matrix, rowBlock, firstBlock + from, inputs.subList(from, to));
    }
  }

  /**
   * A sum of segments in order, clamped.
   *
   * @param initial an FP32 tile that it starts from
   * @param addend an FP32 tile that is added after the last product
   */
  record MatVec(
      OptionalInt initial, List<Segment> segments, OptionalInt addend, float minimum, float maximum)
      implements TileOp {
    public MatVec {
      segments = List.copyOf(segments);
    }

    public static MatVec unclamped(OptionalInt initial, List<Segment> segments) {
      return new MatVec(
          initial, segments, OptionalInt.empty(), Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY);
    }

    /** The same sum with a tile added after its last product. */
    public MatVec plus(int tile) {
      return new MatVec(initial, segments, OptionalInt.of(tile), minimum, maximum);
    }

    /** The same sum, clamped. */
    public MatVec clamped(float newMinimum, float newMaximum) {
      return new MatVec(initial, segments, addend, newMinimum, newMaximum);
    }

    /** The same sum from another start. */
    public MatVec from(OptionalInt newInitial) {
      return new MatVec(newInitial, segments, addend, minimum, maximum);
    }

    @Override
    public List<Integer> operands() {
      List<Integer> operands = new ArrayList<>();
      initial.ifPresent(operands::add);
      segments.forEach(segment -> operands.addAll(segment.inputs()));
      addend.ifPresent(operands::add);
      return operands;
    }

    @Override
    public MatVec withOperands(IntUnaryOperator newId) {
      return new MatVec(
          renamed(initial, newId),
          segments.stream()
              .map(
                  segment ->
                      new Segment(
                          segment.matrix(),
                          segment.rowBlock(),
                          segment.firstBlock(),
                          segment.inputs().stream().map(newId::applyAsInt).toList()))
              .toList(),
          renamed(addend, newId),
          minimum,
          maximum);
    }

    private static OptionalInt renamed(OptionalInt tile, IntUnaryOperator newId) {
      return tile.isPresent()
          ? OptionalInt.of(newId.applyAsInt(tile.getAsInt()))
          : OptionalInt.empty();
    }

    public boolean isClamped() {
      return minimum != Float.NEGATIVE_INFINITY || maximum != Float.POSITIVE_INFINITY;
    }
  }

  /** {@code fma(a, b, sum)} on each lane. */
  record MultiplyAdd(int sum, int a, int b) implements LaneWise {
    @Override
    public List<Integer> operands() {
      return List.of(sum, a, b);
    }

    @Override
    public TileOp withOperands(IntUnaryOperator newId) {
      return new MultiplyAdd(newId.applyAsInt(sum), newId.applyAsInt(a), newId.applyAsInt(b));
    }
  }

  /** A function of each lane. */
  record Map(UnaryFunction function, int a) implements LaneWise {
    @Override
    public List<Integer> operands() {
      return List.of(a);
    }

    @Override
    public TileOp withOperands(IntUnaryOperator newId) {
      return new Map(function, newId.applyAsInt(a));
    }
  }

  /** {@code min(max(a, minimum), maximum)} on each lane. */
  record ClampLanes(float minimum, float maximum, int a) implements LaneWise {
    @Override
    public List<Integer> operands() {
      return List.of(a);
    }

    @Override
    public TileOp withOperands(IntUnaryOperator newId) {
      return new ClampLanes(minimum, maximum, newId.applyAsInt(a));
    }
  }

  /** A function of two tiles on each lane. */
  record Zip(BinaryFunction function, int a, int b) implements LaneWise {
    @Override
    public List<Integer> operands() {
      return List.of(a, b);
    }

    @Override
    public TileOp withOperands(IntUnaryOperator newId) {
      return new Zip(function, newId.applyAsInt(a), newId.applyAsInt(b));
    }
  }

  /**
   * The function of an initial value and the first lanes of a tile, one after another, on all
   * lanes.
   *
   * @param initial a tile with the same value on all lanes
   */
  record Fold(BinaryFunction function, int initial, int a, int lanes) implements TileOp {
    @Override
    public List<Integer> operands() {
      return List.of(initial, a);
    }

    @Override
    public TileOp withOperands(IntUnaryOperator newId) {
      return new Fold(function, newId.applyAsInt(initial), newId.applyAsInt(a), lanes);
    }

    @Override
    public boolean isUniform(IntPredicate isUniformOperand) {
      return true;
    }
  }

  /** On each lane {@code a} where the mask is not zero, else {@code b}. */
  record Select(int mask, int a, int b) implements LaneWise {
    @Override
    public List<Integer> operands() {
      return List.of(mask, a, b);
    }

    @Override
    public TileOp withOperands(IntUnaryOperator newId) {
      return new Select(newId.applyAsInt(mask), newId.applyAsInt(a), newId.applyAsInt(b));
    }
  }

  /** The new cell state of an LSTM from its gates' sums and the old cell state, all FP32. */
  record LstmCellState(int inputGate, int forgetGate, int candidate, int cell) implements TileOp {
    @Override
    public List<Integer> operands() {
      return List.of(inputGate, forgetGate, candidate, cell);
    }

    @Override
    public TileOp withOperands(IntUnaryOperator newId) {
      return new LstmCellState(
          newId.applyAsInt(inputGate),
          newId.applyAsInt(forgetGate),
          newId.applyAsInt(candidate),
          newId.applyAsInt(cell));
    }
  }

  /** The new hidden state of an LSTM from its output gate's sum and its new cell state. */
  record LstmHidden(int outputGate, int cell) implements TileOp {
    @Override
    public List<Integer> operands() {
      return List.of(outputGate, cell);
    }

    @Override
    public TileOp withOperands(IntUnaryOperator newId) {
      return new LstmHidden(newId.applyAsInt(outputGate), newId.applyAsInt(cell));
    }
  }

  /** Runs of lanes of other tiles, one after another from lane 0. */
  record Gather(List<LaneRun> runs) implements TileOp {
    public Gather {
      runs = List.copyOf(runs);
    }

    @Override
    public List<Integer> operands() {
      return runs.stream().map(LaneRun::tile).toList();
    }

    @Override
    public TileOp withOperands(IntUnaryOperator newId) {
      return new Gather(
          runs.stream()
              .map(run -> new LaneRun(newId.applyAsInt(run.tile()), run.lane(), run.count()))
              .toList());
    }
  }

  /** Lanes {@code lane .. lane + count} of a tile. */
  record LaneRun(int tile, int lane, int count) {}
}
