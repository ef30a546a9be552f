package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.TileTensor;
import org.nnirbridge.tile.Vector;

/** The sums of the values up to each position on an axis: float32, each rounded on its own. */
public record CumSum(int axis) implements Op {
  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    return inputs.get(0).withFormat(context.activationFormat());
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    List<int[]> choices = new ArrayList<>();
    for (int other = 0; other < result.rank(); other++) {
      if (other != axis || result.shape().get(axis) == 1) {
        choices.add(new int[] {other, other});
      }
    }
    return new DataDims(
        choices,
        List.of(),
        "the data dimension is another axis than the one that is summed up: [t a!]",
        "multiply by torch.ones(%1$d, %1$d).triu() instead".formatted(result.shape().get(axis)));
  }

  /** A state keeps the float32 sum up to the step before. */
  @Override
  public StreamedNode stream(StreamStep step) {
    int time = step.timeAxis(0);
    if (time != axis) {
      return step.apply(new CumSum(StreamStep.axisWithoutTime(axis, time)), time);
    }
    int x = step.inputs().get(0).node();
    TensorType entry = step.builder().type(x).withFormat(NumberFormat.FP32);
    Tensor zeros = Tensor.zeros(entry.shape());
    int state = step.builder().declareState(step.node().name() + "_sum", entry, 1, zeros);
    NodeContext context = step.node().context();
    NodeContext float32 = context.withFormat(NumberFormat.FP32);
    int before = step.builder().readState(state, 1, context);
    Binary add = new Binary(BinaryFunction.ADD, Binary.Fusion.NEITHER);
    int sum = step.builder().add(step.node().name(), add, float32, List.of(before, x));
    step.builder().setSource(state, sum);
    return new StreamedNode(
        context.activationFormat() == NumberFormat.FP32
            ? sum
            : step.add(new Cast(context.activationFormat()), List.of(sum)),
        time);
  }

  @Override
  public TileTensor lower(LowerStep step) {
    TileTensor input = step.input(0);
    if (input.shape().get(axis) == 1) {
      return sum(step, step.arithmetic().constant(0f, input), input, step.type().format());
    }
    int inner = Shapes.stride(input.shape(), axis);
    inner /= step.dataDim() > axis ? input.lanes() : 1;
    int extent = input.shape().get(axis);
    Vector[] results = new Vector[input.vectors().size()];
    for (int first = 0; first < results.length; first++) {
      if (first / inner % extent != 0) {
        continue;
      }
      TileTensor sum = step.arithmetic().constant(0f, row(input.vectors().get(first)));
      for (int i = first; i < first + extent * inner; i += inner) {
        sum = sum(step, sum, row(input.vectors().get(i)), NumberFormat.FP32);
        results[i] =
            sum.map(tile -> step.tiles().convert(tile, step.type().format())).vectors().get(0);
      }
    }
    return new TileTensor(step.type().shape(), step.dataDim(), Arrays.asList(results));
  }

  private static TileTensor row(Vector vector) {
    return new TileTensor(List.of(vector.lanes()), 0, List.of(vector));
  }

  private static TileTensor sum(LowerStep step, TileTensor sum, TileTensor x, NumberFormat format) {
    return step.arithmetic().join(BinaryFunction.ADD, sum, x, format);
  }

  @Override
  public Optional<Tensor> fold(List<Tensor> inputs) {
    Tensor input = inputs.get(0);
    int inner = Shapes.stride(input.shape(), axis);
    float[] values = input.values().clone();
    for (int i = 0; i < values.length; i++) {
      if (i / inner % input.shape().get(axis) > 0) {
        values[i] += values[i - inner];
      }
    }
    return Optional.of(new Tensor(input.shape(), values));
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of("axis: " + axis);
  }

  @Override
  public boolean printsActivationPrecision() {
    return true;
  }
}
