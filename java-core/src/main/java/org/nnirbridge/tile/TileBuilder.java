package org.nnirbridge.tile;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import java.util.function.IntUnaryOperator;
import org.nnirbridge.hardware.CorePartitions;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.numerics.UnaryFunction;

/**
 * The only way to make tiles. The same work on the same tiles gives the same tile, so what two
 * operators share is computed once.
 */
public final class TileBuilder {
  private final int blockSize;
  private final List<Tile> tiles = new ArrayList<>();
  private final List<TileState> states = new ArrayList<>();
  private final List<List<Integer>> outputs = new ArrayList<>();
  private final Map<TileKey, Integer> known = new HashMap<>();
  private final Map<List<Integer>, Integer> derivedGroups = new HashMap<>();
  private final Map<WeightMatrix, WeightMatrix> matrices;
  private final boolean packsWeights;
  private final Set<Integer> stateSources = new HashSet<>();
  private final BitSet uniform = new BitSet();
  private int groups;
  private int layer;
  private List<Integer> cores = List.of();

  private record TileKey(TileOp op, NumberFormat format) {}

  /**
   * A builder for one model.
   *
   * @param matrices the weights of all models of the program, shared so that equal ones are one
   * @param packsWeights whether operators shall save weight blocks even where that costs cycles
   */
  public TileBuilder(
      int blockSize, Map<WeightMatrix, WeightMatrix> matrices, boolean packsWeights) {
    this.blockSize = blockSize;
    this.matrices = matrices;
    this.packsWeights = packsWeights;
  }

  public int blockSize() {
    return blockSize;
  }

  /** Whether operators shall save weight blocks even where that costs cycles. */
  public boolean packsWeights() {
    return packsWeights;
  }

  /** Sets the operator, and the cores it may use, to which the next tiles belong. */
  public void startLayer(int newLayer, List<Integer> newCores) {
    layer = newLayer;
    cores = newCores;
  }

  private int add(TileOp op, NumberFormat format, int lanes, int group) {
    return known.computeIfAbsent(new TileKey(op, format), key -> append(op, format, lanes, group));
  }

  private int append(TileOp op, NumberFormat format, int lanes, int group) {
    uniform.set(tiles.size(), op.isUniform(uniform::get));
    tiles.add(new Tile(tiles.size(), op, format, lanes, group, layer, cores));
    return tiles.size() - 1;
  }

  private int groupLike(int tile) {
    return derivedGroups.computeIfAbsent(List.of(layer, tiles.get(tile).group()), key -> groups++);
  }

  /** Whether all lanes of a tile hold one value. */
  boolean isUniform(int tile) {
    return uniform.get(tile);
  }

  int blocks(int lanes) {
    return (lanes + blockSize - 1) / blockSize;
  }

  int lanesOf(int block, int lanes) {
    return Math.min(blockSize, lanes - block * blockSize);
  }

  private Vector vector(int lanes, IntUnaryOperator tileOfBlock) {
    List<Integer> ids = new ArrayList<>();
    for (int block = 0; block < blocks(lanes); block++) {
      ids.add(tileOfBlock.applyAsInt(block));
    }
    return new Vector(ids, lanes);
  }

  private TileTensor tensor(
      List<Integer> shape, int dataDim, Function<Integer, Vector> vectorAtIndex) {
    int lanes = dataDim < 0 ? 1 : shape.get(dataDim);
    int size = 1;
    for (int extent : shape) {
      size *= extent;
    }
    List<Vector> vectors = new ArrayList<>();
    for (int v = 0; v < (lanes == 0 ? 0 : size / lanes); v++) {
      vectors.add(vectorAtIndex.apply(v));
    }
    return new TileTensor(shape, dataDim, vectors);
  }

  /** An argument of the model, word by word. */
  public TileTensor input(int port, List<Integer> shape, int dataDim, NumberFormat format) {
    int lanes = dataDim < 0 ? 1 : shape.get(dataDim);
    return tensor(
        shape,
        dataDim,
        v -> {
          int group = groups++;
          return vector(
              lanes,
              block ->
                  add(
                      new TileOp.FromInput(port, v * blocks(lanes) + block),
                      format,
                      lanesOf(block, lanes),
                      group));
        });
  }

  /** The entry of a state of some age. */
  public TileTensor readState(
      int state, int age, List<Integer> shape, int dataDim, NumberFormat format) {
    int lanes = dataDim < 0 ? 1 : shape.get(dataDim);
    int group = groups++;
    return tensor(
        shape,
        dataDim,
        v ->
            vector(
                lanes,
                block ->
                    add(
                        new TileOp.FromState(state, age, v * blocks(lanes) + block),
                        format,
                        lanesOf(block, lanes),
                        group)));
  }

  /** A constant tensor in row-major order. */
  public TileTensor constant(
      List<Integer> shape, float[] values, int dataDim, NumberFormat format) {
    int lanes = dataDim < 0 ? 1 : shape.get(dataDim);
    TileTensor places = tensor(shape, dataDim, v -> new Vector(List.of(), lanes));
    float[][] vectors = new float[places.vectors().size()][lanes];
    for (int i = 0; i < values.length; i++) {
      TileTensor.Position position = places.position(i);
      vectors[position.vector()][position.lane()] = values[i];
    }
    return tensor(shape, dataDim, v -> fixed(vectors[v], format));
  }

  private Vector fixed(float[] values, NumberFormat format) {
    int group = groups++;
    return vector(
        values.length,
        block ->
            add(
                new TileOp.Fixed(fixedBlock(values, block)),
                format,
                lanesOf(block, values.length),
                group));
  }

  /** A block of values padded with zeros; a single value fills its block, so that it is uniform. */
  private float[] fixedBlock(float[] values, int block) {
    if (values.length == 1) {
      return filledBlock(values[0]);
    }
    return Arrays.copyOf(
        Arrays.copyOfRange(
            values, block * blockSize, block * blockSize + lanesOf(block, values.length)),
        blockSize);
  }

  private float[] filledBlock(float value) {
    float[] block = new float[blockSize];
    Arrays.fill(block, value);
    return block;
  }

  /** A tile with one float32 value on all lanes. */
  int uniform(float value) {
    return uniform(value, NumberFormat.FP32);
  }

  int uniform(float value, NumberFormat format) {
    return add(new TileOp.Fixed(filledBlock(value)), format, 1, groups++);
  }

  /** The values of a tile that is known at compile time. */
  Optional<float[]> fixedValues(int tile) {
    return tiles.get(tile).op() instanceof TileOp.Fixed fixed
        ? Optional.of(fixed.values())
        : Optional.empty();
  }

  /** A vector of zeros in BF16. */
  public Vector zeros(int lanes) {
    return fixed(new float[lanes], NumberFormat.BF16);
  }

  /** A weight matrix; equal ones are one. */
  public WeightMatrix weights(float[] values, int rows, int columns, boolean fp8) {
    return matrices.computeIfAbsent(new WeightMatrix(values, rows, columns, fp8), matrix -> matrix);
  }

  /** A tensor whose vectors are functions of the vectors of another, in the same order. */
  public TileTensor mapVectors(
      TileTensor input, List<Integer> shape, int dataDim, Function<Vector, Vector> function) {
    return new TileTensor(shape, dataDim, input.vectors().stream().map(function).toList());
  }

  /** {@code bias + sum of matrix * vector}, in the order of the lists, rounded to a format. */
  public Vector linear(
      List<WeightMatrix> weights, List<Vector> inputs, float[] bias, NumberFormat format) {
    List<Vector> operands =
        inputs.stream().map(input -> convert(input, NumberFormat.BF16)).toList();
    int rows = bias.length;
    int group = groups++;
    return vector(
        rows,
        row -> {
          List<TileOp.Segment> segments = new ArrayList<>();
          for (int i = 0; i < weights.size(); i++) {
            segments.add(new TileOp.Segment(weights.get(i), row, 0, operands.get(i).tiles()));
          }
          return add(
              TileOp.MatVec.unclamped(biasTile(bias, row), segments),
              format,
              lanesOf(row, rows),
              group);
        });
  }

  private OptionalInt biasTile(float[] bias, int row) {
    float[] block = fixedBlock(bias, row);
    for (float value : block) {
      if (Float.floatToRawIntBits(value) != 0) {
        return OptionalInt.of(
            add(new TileOp.Fixed(block), NumberFormat.FP32, lanesOf(row, bias.length), groups++));
      }
    }
    return OptionalInt.empty();
  }

  /**
   * The sum of a gate, which stays in float32: that of the hidden state from the bias on, plus that
   * of the input.
   */
  public Vector gate(
      WeightMatrix hiddenWeights,
      Vector hidden,
      WeightMatrix inputWeights,
      Vector in,
      float[] bias) {
    Vector recalled = gate(hiddenWeights, hidden, bias);
    List<Integer> inputs = convert(in, NumberFormat.BF16).tiles();
    int group = groups++;
    return vector(
        bias.length,
        row -> {
          TileOp.Segment segment = new TileOp.Segment(inputWeights, row, 0, inputs);
          return add(
              TileOp.MatVec.unclamped(OptionalInt.empty(), List.of(segment))
                  .plus(recalled.tiles().get(row)),
              NumberFormat.FP32,
              lanesOf(row, bias.length),
              group);
        });
  }

  /** One of the two sums of a gate, which stays in float32. */
  public Vector gate(WeightMatrix weights, Vector in, float[] bias) {
    return linear(List.of(weights), List.of(in), bias, NumberFormat.FP32);
  }

  /** The states after an LSTM step, from the sums of the gates i, f, g, o and the cell state. */
  public LstmTiles lstmUnit(List<Vector> gates, Vector cell) {
    int lanes = cell.lanes();
    int cellGroup = groups++;
    int hiddenGroup = groups++;
    Vector newCell =
        vector(
            lanes,
            block ->
                add(
                    new TileOp.LstmCellState(
                        gates.get(0).tiles().get(block),
                        gates.get(1).tiles().get(block),
                        gates.get(2).tiles().get(block),
                        cell.tiles().get(block)),
                    NumberFormat.FP32,
                    lanesOf(block, lanes),
                    cellGroup));
    Vector hidden =
        vector(
            lanes,
            block ->
                add(
                    new TileOp.LstmHidden(
                        gates.get(3).tiles().get(block), newCell.tiles().get(block)),
                    NumberFormat.BF16,
                    lanesOf(block, lanes),
                    hiddenGroup));
    return new LstmTiles(hidden, newCell);
  }

  /** {@code bias + sum of scale * vector} on each lane, in the order of the lists. */
  public Vector multiplyAdd(
      List<float[]> scales, List<Vector> inputs, float[] bias, NumberFormat format) {
    int lanes = bias.length;
    Vector sum = fixed(bias, NumberFormat.FP32);
    for (int i = 0; i < scales.size(); i++) {
      Vector before = sum;
      Vector scale = fixed(scales.get(i), NumberFormat.BF16);
      Vector input = convert(inputs.get(i), NumberFormat.BF16);
      int group = groups++;
      NumberFormat result = i == scales.size() - 1 ? format : NumberFormat.FP32;
      sum =
          vector(
              lanes,
              block ->
                  add(
                      new TileOp.MultiplyAdd(
                          before.tiles().get(block),
                          scale.tiles().get(block),
                          input.tiles().get(block)),
                      result,
                      lanesOf(block, lanes),
                      group));
    }
    return sum;
  }

  public int unary(UnaryFunction function, int tile, NumberFormat format) {
    return add(new TileOp.Map(function, tile), format, tiles.get(tile).lanes(), groupLike(tile));
  }

  public int clamp(float minimum, float maximum, int tile, NumberFormat format) {
    int operand = rounded(tile, format);
    return add(
        new TileOp.ClampLanes(minimum, maximum, operand),
        format,
        tiles.get(tile).lanes(),
        groupLike(tile));
  }

  /** A function of two tiles, which are rounded to the format of the result first. */
  public int binary(BinaryFunction function, int a, int b, NumberFormat format) {
    return zip(function, rounded(a, format), rounded(b, format), format);
  }

  /**
   * The sum of products that makes a tile, started at another tile, rounded to a format: {@code
   * (start + bias) + W x}. An addition where no such sum makes the tile.
   *
   * @param onSum whether a sum that makes the start tile goes on without being rounded
   */
  public int sumFrom(int start, boolean onSum, int sum, NumberFormat format) {
    if (!(tiles.get(sum).op() instanceof TileOp.MatVec products) || !startsAtConstant(products)) {
      return binary(BinaryFunction.ADD, start, sum, format);
    }
    TileOp.MatVec started =
        products.from(OptionalInt.of(startAt(start, onSum, products.initial())));
    return addInPlaceOf(tiles.get(sum), started, format);
  }

  /** Adds what is still the work of the operator that made a tile, on cores that both may use. */
  private int addInPlaceOf(Tile tile, TileOp op, NumberFormat format) {
    int adding = layer;
    List<Integer> addingCores = cores;
    startLayer(
        tile.layer(), CorePartitions.common(List.of(tile.cores(), cores)).orElse(tile.cores()));
    int result = add(op, format, tile.lanes(), groupLike(tile.id()));
    startLayer(adding, addingCores);
    return result;
  }

  private boolean startsAtConstant(TileOp.MatVec sum) {
    return !sum.isClamped()
        && sum.addend().isEmpty()
        && (sum.initial().isEmpty() || isConstant(sum.initial().getAsInt()));
  }

  /** Whether a tile holds constants that take the format of their use. */
  private boolean isConstant(int tile) {
    return tiles.get(tile).op() instanceof TileOp.Fixed fixed && !fixed.keepsFormat();
  }

  /**
   * A float32 tile plus a bias; where it is constant it is a bias as well, where it is a sum itself
   * the bias joins its own.
   */
  private int startAt(int tile, boolean onSum, OptionalInt bias) {
    if (isConstant(tile)) {
      OptionalInt constant = OptionalInt.of(convert(tile, NumberFormat.FP32));
      return sumOfConstants(bias, constant).getAsInt();
    }
    Tile start = tiles.get(tile);
    if (onSum && start.op() instanceof TileOp.MatVec sum && startsAtConstant(sum)) {
      TileOp.MatVec wide = sum.from(sumOfConstants(sum.initial(), bias));
      return addInPlaceOf(start, wide, NumberFormat.FP32);
    }
    return bias.isPresent()
        ? zip(BinaryFunction.ADD, tile, bias.getAsInt(), NumberFormat.FP32)
        : convert(tile, NumberFormat.FP32);
  }

  private OptionalInt sumOfConstants(OptionalInt a, OptionalInt b) {
    if (a.isEmpty() || b.isEmpty()) {
      return a.isPresent() ? a : b;
    }
    float[] first = ((TileOp.Fixed) tiles.get(a.getAsInt()).op()).values();
    float[] second = ((TileOp.Fixed) tiles.get(b.getAsInt()).op()).values();
    float[] sum = new float[blockSize];
    for (int i = 0; i < blockSize; i++) {
      sum[i] = first[i] + second[i];
    }
    int lanes = tiles.get(a.getAsInt()).lanes();
    return OptionalInt.of(add(new TileOp.Fixed(sum), NumberFormat.FP32, lanes, groups++));
  }

  /** A comparison of two tiles as they are; constants are not rounded for it. */
  public int compare(BinaryFunction function, int a, int b) {
    return zip(function, precise(a), precise(b), NumberFormat.BF16);
  }

  private int precise(int tile) {
    return isConstant(tile) ? convert(tile, NumberFormat.FP32) : tile;
  }

  /** A function of two tiles as they are. */
  int zip(BinaryFunction function, int a, int b, NumberFormat format) {
    int wide = uniform.get(a) ? b : a;
    return add(new TileOp.Zip(function, a, b), format, tiles.get(wide).lanes(), groupLike(wide));
  }

  /** {@code fma(a, b, sum)} of tiles as they are. */
  int multiplyAdd(int sum, int a, int b, NumberFormat format) {
    return add(new TileOp.MultiplyAdd(sum, a, b), format, tiles.get(a).lanes(), groupLike(a));
  }

  /** {@code fma(vector, factor, sum)} with a uniform factor; a group of its own for the result. */
  Vector multiplyAdd(Vector sum, Vector vector, int factor, NumberFormat format) {
    int group = groups++;
    return vector(
        vector.lanes(),
        block ->
            add(
                new TileOp.MultiplyAdd(sum.tiles().get(block), vector.tiles().get(block), factor),
                format,
                lanesOf(block, vector.lanes()),
                group));
  }

  /** {@code a} where the mask is not zero, else {@code b}; both are rounded to the format first. */
  public int select(int mask, int a, int b, NumberFormat format) {
    return add(
        new TileOp.Select(mask, rounded(a, format), rounded(b, format)),
        format,
        tiles.get(a).lanes(),
        groupLike(a));
  }

  /** The function of a uniform tile and the first lanes of another, one after another. */
  int fold(BinaryFunction function, int initial, int tile, int lanes, NumberFormat format) {
    return add(new TileOp.Fold(function, initial, tile, lanes), format, 1, groups++);
  }

  /** The tile with values of a format; one in BF16 has values of float32 too. */
  private int rounded(int tile, NumberFormat format) {
    boolean isExact = format == NumberFormat.FP32 && !isConstant(tile);
    return isExact ? tile : convert(tile, format);
  }

  /** The tile in another format; itself when it has that format. */
  public int convert(int tile, NumberFormat format) {
    if (tiles.get(tile).format() == format) {
      return tile;
    }
    if (tiles.get(tile).op() instanceof TileOp.Fixed constant
        && (format == NumberFormat.BF16 || !constant.keepsFormat())) {
      return add(constant, format, tiles.get(tile).lanes(), groupLike(tile));
    }
    return unary(UnaryFunction.IDENTITY, tile, format);
  }

  Vector convert(Vector vector, NumberFormat format) {
    return new Vector(
        vector.tiles().stream().map(tile -> convert(tile, format)).toList(), vector.lanes());
  }

  /**
   * A tensor each of whose values is one value of an operand. Constants among other values take the
   * format of the result, wherever blocks begin.
   *
   * @param input which operand a flat index of the result comes from
   * @param index the flat index in that operand
   */
  public TileTensor gather(
      List<TileTensor> operands,
      List<Integer> shape,
      int dataDim,
      NumberFormat format,
      IntUnaryOperator input,
      IntUnaryOperator index) {
    boolean joinsConstants = !operands.stream().allMatch(this::isConstant);
    int lanes = dataDim < 0 ? 1 : shape.get(dataDim);
    TileTensor places = tensor(shape, dataDim, v -> new Vector(List.of(), lanes));
    int[][] sourceTile = new int[places.vectors().size()][lanes];
    int[][] sourceLane = new int[places.vectors().size()][lanes];
    for (int i = 0; i < places.vectors().size() * lanes; i++) {
      TileTensor.Position to = places.position(i);
      TileTensor operand = operands.get(input.applyAsInt(i));
      TileTensor.Position from = operand.position(index.applyAsInt(i));
      int tile = operand.vectors().get(from.vector()).tiles().get(from.lane() / blockSize);
      sourceTile[to.vector()][to.lane()] =
          joinsConstants && isConstant(tile) ? joined(tile, format) : tile;
      sourceLane[to.vector()][to.lane()] =
          (uniform.get(tile) ? to.lane() : from.lane()) % blockSize;
    }
    return tensor(
        shape,
        dataDim,
        v -> {
          int group = groups++;
          return vector(
              lanes,
              block ->
                  gatherTile(
                      sourceTile[v],
                      sourceLane[v],
                      block * blockSize,
                      lanesOf(block, lanes),
                      group));
        });
  }

  private boolean isConstant(TileTensor tensor) {
    return tensor.vectors().stream().flatMap(v -> v.tiles().stream()).allMatch(this::isConstant);
  }

  /** Constants in a format that they keep, as values of the run do. */
  private int joined(int tile, NumberFormat format) {
    Tile constant = tiles.get(tile);
    float[] values = ((TileOp.Fixed) constant.op()).values();
    return add(new TileOp.Fixed(values, true), format, constant.lanes(), groupLike(tile));
  }

  /** Lanes of a vector, at most a block of them, as a vector. */
  public Vector slice(Vector vector, int first, int lanes) {
    int[] sourceTile = new int[lanes];
    int[] sourceLane = new int[lanes];
    for (int lane = 0; lane < lanes; lane++) {
      sourceTile[lane] = vector.tiles().get((first + lane) / blockSize);
      sourceLane[lane] = (first + lane) % blockSize;
    }
    return new Vector(List.of(gatherTile(sourceTile, sourceLane, 0, lanes, groups++)), lanes);
  }

  private int gatherTile(int[] sourceTile, int[] sourceLane, int first, int lanes, int group) {
    NumberFormat format = NumberFormat.BF16;
    for (int lane = 0; lane < lanes; lane++) {
      if (tiles.get(sourceTile[first + lane]).format() == NumberFormat.FP32) {
        format = NumberFormat.FP32;
      }
    }
    List<TileOp.LaneRun> runs = new ArrayList<>();
    int lane = 0;
    while (lane < lanes) {
      int tile = convert(sourceTile[first + lane], format);
      int from = sourceLane[first + lane];
      int repeats = runLength(sourceTile, sourceLane, first + lane, lanes - lane, 0);
      int count = runLength(sourceTile, sourceLane, first + lane, lanes - lane, 1);
      runs.add(
          repeats > 1
              ? new TileOp.LaneRun(spread(tile, from), lane, repeats)
              : new TileOp.LaneRun(tile, from, count));
      lane += Math.max(repeats, count);
    }
    if (runs.size() == 1 && runs.get(0).lane() == 0) {
      return runs.get(0).tile();
    }
    return add(new TileOp.Gather(runs), format, lanes, group);
  }

  /** How many sources from one on are in its tile, each some lanes after the one before. */
  private static int runLength(int[] tiles, int[] lanes, int first, int most, int step) {
    int length = 1;
    while (length < most
        && tiles[first + length] == tiles[first]
        && lanes[first + length] == lanes[first] + length * step) {
      length++;
    }
    return length;
  }

  /** One lane of a tile on all lanes: the maximum of it and negative infinity. */
  int spread(int tile, int lane) {
    NumberFormat format = tiles.get(tile).format();
    int single =
        lane == 0
            ? tile
            : add(
                new TileOp.Gather(List.of(new TileOp.LaneRun(tile, lane, 1))), format, 1, groups++);
    return fold(BinaryFunction.MAXIMUM, uniform(Float.NEGATIVE_INFINITY), single, 1, format);
  }

  /** Declares the next state; its source must be known by now. */
  public void addState(
      String name, NumberFormat format, int depth, float[] initial, TileTensor source) {
    List<float[]> blocks = new ArrayList<>();
    TileTensor start = constant(source.shape(), initial, source.dataDim(), format);
    List<Integer> sources = new ArrayList<>();
    for (int v = 0; v < source.vectors().size(); v++) {
      for (int t = 0; t < source.vectors().get(v).tiles().size(); t++) {
        TileOp.Fixed block = (TileOp.Fixed) tiles.get(start.vectors().get(v).tiles().get(t)).op();
        blocks.add(block.values());
        sources.add(ownTile(convert(source.vectors().get(v).tiles().get(t), format)));
      }
    }
    states.add(new TileState(name, format, depth, blocks, sources));
  }

  /** A tile that becomes the entry of one state only, and is neither constant nor state itself. */
  private int ownTile(int tile) {
    TileOp op = tiles.get(tile).op();
    boolean needsCopy =
        op instanceof TileOp.Fixed || op instanceof TileOp.FromState || !stateSources.add(tile);
    if (!needsCopy) {
      return tile;
    }
    Tile source = tiles.get(tile);
    return append(
        new TileOp.Map(UnaryFunction.IDENTITY, tile), source.format(), source.lanes(), groups++);
  }

  /** Declares the next output, in the format in which it leaves the machine. */
  public void addOutput(TileTensor tensor, NumberFormat format) {
    List<Integer> words = new ArrayList<>();
    for (Vector vector : tensor.vectors()) {
      words.addAll(convert(vector, format).tiles());
    }
    outputs.add(words);
  }

  public TileGraph build() {
    return new TileGraph(blockSize, tiles, states, outputs);
  }
}
