package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.TileTensor;

/**
 * {@code y = W x + b} over one axis, which is contracted and replaced by the new one.
 *
 * @param weight of shape [out, in]
 * @param bias of shape [out]; zeros where the model has none, which is the same sum
 * @param hasBias whether the model has a bias
 * @param axis the contracted axis of the input
 */
public record Linear(Tensor weight, Tensor bias, boolean hasBias, int axis) implements Op {
  private int inFeatures() {
    return weight.shape().get(1);
  }

  private int outFeatures() {
    return weight.shape().get(0);
  }

  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    List<Integer> shape = inputs.get(0).shape();
    if (axis >= shape.size() || shape.get(axis) != inFeatures()) {
      throw new UnsupportedModel(
          "weight of shape "
              + weight.shape()
              + " needs an input with "
              + inFeatures()
              + " features, got "
              + shape);
    }
    return new TensorType(Shapes.with(shape, axis, outFeatures()), NumberFormat.BF16);
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    List<int[]> others =
        IntStream.range(0, result.rank())
            .filter(other -> other != axis)
            .mapToObj(other -> new int[] {other, other})
            .toList();
    return new DataDims(
        List.of(new int[] {axis, axis}),
        others,
        "the input is contracted over its data dimension: [* j!] -> [* i!]");
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    int time = step.timeAxis(0);
    if (time == axis) {
      throw step.refuseAlongTime("it contracts its input", time);
    }
    return step.apply(
        new Linear(weight, bias, hasBias, StreamStep.axisWithoutTime(axis, time)), time);
  }

  @Override
  public TileTensor lower(LowerStep step) {
    if (step.dataDim() != axis) {
      return step.products()
          .rows(
              step.input(0),
              step.type().shape(),
              axis,
              step.storedWeights(weight.values()),
              bias.values(),
              step.type().format());
    }
    var matrix =
        step.tiles()
            .weights(weight.values(), outFeatures(), inFeatures(), step.context().fp8Weights());
    return step.tiles()
        .mapVectors(
            step.input(0),
            step.type().shape(),
            step.dataDim(),
            vector ->
                step.tiles()
                    .linear(List.of(matrix), List.of(vector), bias.values(), step.type().format()));
  }

  /** The layer on a constant, in float32. */
  @Override
  public Optional<Tensor> fold(List<Tensor> inputs) {
    List<Integer> shape = inputs.get(0).shape();
    if (axis >= shape.size() || shape.get(axis) != inFeatures()) {
      return Optional.empty();
    }
    int inner = Shapes.stride(shape, axis);
    List<Integer> target = Shapes.with(shape, axis, outFeatures());
    float[] values = new float[Shapes.size(target)];
    for (int i = 0; i < values.length; i++) {
      int row = i / inner % outFeatures();
      int first = i / inner / outFeatures() * inFeatures() * inner + i % inner;
      values[i] = bias.values()[row];
      for (int k = 0; k < inFeatures(); k++) {
        float x = inputs.get(0).values()[first + k * inner];
        values[i] = Math.fma(weight.values()[row * inFeatures() + k], x, values[i]);
      }
    }
    return Optional.of(new Tensor(target, values));
  }

  @Override
  public List<String> attributes(NodeContext context) {
    List<String> attributes = new ArrayList<>();
    attributes.add("weight: " + Print.tuple(weight.shape()));
    attributes.add(Print.weightPrecision(context));
    attributes.add(hasBias ? Print.bias(bias) : "bias: None");
    return attributes;
  }
}
