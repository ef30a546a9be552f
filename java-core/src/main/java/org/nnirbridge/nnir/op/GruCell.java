package org.nnirbridge.nnir.op;

import java.util.List;
import java.util.stream.IntStream;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.TileTensor;
import org.nnirbridge.tile.Vector;

/** One step of a GRU layer on (x, h), each {@code (batch?, features)}; gives h in float32. */
public record GruCell(GruWeights weights) implements Op {
  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    return inputs.get(1).withFormat(NumberFormat.FP32);
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    return LstmCell.features(2, result);
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    return step.applyAlongRows(this);
  }

  @Override
  public TileTensor lower(LowerStep step) {
    RecurrentWeights.Step unit = weights.lowerLayer(step);
    List<Vector> vectors =
        IntStream.range(0, step.input(0).vectors().size())
            .mapToObj(
                v ->
                    unit.apply(
                            step.input(0).vectors().get(v), List.of(step.input(1).vectors().get(v)))
                        .states()
                        .get(0))
            .toList();
    return new TileTensor(step.type().shape(), step.dataDim(), vectors);
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return weights.attributes(context);
  }
}
