package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.TileArithmetic;
import org.nnirbridge.tile.TileTensor;

/**
 * The largest or the mean value of each window along the last axis.
 *
 * <p>Output {@code i} has the taps {@code x[i * stride + j * dilation]}.
 */
public record Pool1d(Pooling pooling, int kernelSize, int stride, int dilation) implements Op {
  /** What is made of the values of a window. */
  public enum Pooling {
    MAX,
    AVG
  }

  @Override
  public String label() {
    return Print.label(pooling) + "Pool1d";
  }

  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    int axis = inputs.get(0).rank() - 1;
    int steps = inputs.get(0).shape().get(axis) - reach();
    if (steps < 1) {
      throw new UnsupportedModel(
          "a window that spans " + (reach() + 1) + " values does not fit " + inputs.get(0).shape());
    }
    List<Integer> shape = Shapes.with(inputs.get(0).shape(), axis, (steps - 1) / stride + 1);
    return new TensorType(shape, context.activationFormat());
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    return DataDims.same(1, result, "pooling keeps the data dimension: [a b! t] -> [a b! s]");
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    int time = step.timeAxis(0);
    if (time != step.inputType(0).rank() - 1) {
      return step.apply(this, time);
    }
    StreamedNode.Excerpt input = step.excerptOf(0);
    if (stride != 1 || input.lead() != reach()) {
      throw step.refuse(
          "only pooling with stride 1, of a sequence padded on the left by (kernel_size - 1) *"
              + " dilation (%d), can stream, and this one has stride %d and padding %d; pool F.pad(x, (%d, 0)) with stride=1"
                  .formatted(reach(), stride, input.lead(), reach()));
    }
    int length = step.node().type().shape().get(time);
    return step.firstSteps(
        new StreamedNode(streamTaps(step, input.constant()), time), length, input.steps());
  }

  private int reach() {
    return (kernelSize - 1) * dilation;
  }

  @Override
  public boolean streamsExcerpts(StreamStep step) {
    return step.timeAxis(0) == step.inputType(0).rank() - 1;
  }

  /** Pools a window of the last steps, each an entry of the last axis. */
  private int streamTaps(StreamStep step, Tensor padding) {
    List<Integer> shape = step.builder().type(step.inputs().get(0).node()).shape();
    List<Integer> entryShape = new ArrayList<>(shape);
    entryShape.add(1);
    Reshape entry = new Reshape(entryShape);
    List<Integer> taps =
        step.window(kernelSize, dilation, padding).stream()
            .map(tap -> step.add(entry, List.of(tap)))
            .toList();
    int window = step.add(new Concat(shape.size()), taps);
    int pooled = step.add(new Pool1d(pooling, kernelSize, 1, 1), List.of(window));
    return step.add(new Reshape(shape), List.of(pooled));
  }

  @Override
  public TileTensor lower(LowerStep step) {
    NumberFormat format = step.type().format();
    List<TileTensor> taps = new ArrayList<>();
    for (int tap = 0; tap < kernelSize; tap++) {
      taps.add(tap(step, tap * dilation));
    }
    return switch (pooling) {
      case MAX -> {
        TileTensor largest = taps.get(0).map(tile -> step.tiles().convert(tile, format));
        for (TileTensor tap : taps.subList(1, taps.size())) {
          largest =
              largest.zip(tap, (a, b) -> step.tiles().binary(BinaryFunction.MAXIMUM, a, b, format));
        }
        yield largest;
      }
      case AVG -> {
        TileArithmetic arithmetic = step.arithmetic();
        TileTensor sum = arithmetic.join(BinaryFunction.ADD, 0f, taps, NumberFormat.FP32);
        TileTensor count = arithmetic.constant(kernelSize, sum);
        yield arithmetic.zip(BinaryFunction.DIV, sum, count, format);
      }
    };
  }

  /** The values of the input that lie an offset after the start of each window. */
  private TileTensor tap(LowerStep step, int offset) {
    List<Integer> shape = step.input(0).shape();
    int axis = shape.size() - 1;
    return step.tiles()
        .gather(
            step.inputs(),
            step.type().shape(),
            step.dataDim(),
            step.type().format(),
            flatIndex -> 0,
            flatIndex -> {
              int[] coordinates = Shapes.coordinates(step.type().shape(), flatIndex);
              coordinates[axis] = coordinates[axis] * stride + offset;
              return Shapes.flatIndex(shape, coordinates);
            });
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of("kernel_size: " + kernelSize, "stride: " + stride, "dilation: " + dilation);
  }

  @Override
  public boolean printsActivationPrecision() {
    return true;
  }

  @Override
  public boolean hasFloat32() {
    return true;
  }

  @Override
  public Optional<Tensor> fold(List<Tensor> inputs) {
    Tensor input = inputs.get(0);
    int last = input.shape().size() - 1;
    int steps = (input.shape().get(last) - reach() - 1) / stride + 1;
    if (steps < 1) {
      return Optional.empty();
    }
    float[] values = new float[input.values().length / input.shape().get(last) * steps];
    for (int i = 0; i < values.length; i++) {
      int first = i / steps * input.shape().get(last) + i % steps * stride;
      float result = pooling == Pooling.MAX ? Float.NEGATIVE_INFINITY : 0f;
      for (int tap = 0; tap < kernelSize; tap++) {
        float value = input.values()[first + tap * dilation];
        result = pooling == Pooling.MAX ? Math.max(result, value) : result + value;
      }
      values[i] = pooling == Pooling.MAX ? result : result / kernelSize;
    }
    return Optional.of(new Tensor(Shapes.with(input.shape(), last, steps), values));
  }
}
