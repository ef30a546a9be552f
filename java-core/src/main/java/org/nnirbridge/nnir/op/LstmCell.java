package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.List;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.LstmTiles;
import org.nnirbridge.tile.TileTensor;
import org.nnirbridge.tile.Vector;

/**
 * One step of an LSTM layer on (x, h, c), each {@code (batch?, features)}.
 *
 * @param part the new hidden state (BF16) or the new cell state (FP32)
 */
public record LstmCell(LstmWeights weights, LstmPart part) implements Op {
  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    return switch (part) {
      case OUTPUT, HIDDEN -> inputs.get(1).withFormat(NumberFormat.BF16);
      case CELL -> inputs.get(2).withFormat(NumberFormat.FP32);
    };
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    int features = result.rank() - 1;
    return new DataDims(
        List.of(new int[] {features, features, features, features}),
        "features are the data dimension: [* f!] -> [* h!]");
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    for (StreamedNode input : step.inputs()) {
      if (input.timeAxis() != StreamStep.NO_TIME) {
        throw step.refuse(
            "its cell state goes from call to call, not along the streaming axis "
                + input.timeAxis()
                + "; call it in the step of a vollo_torch.nn.Scan");
      }
    }
    return step.apply(this, StreamStep.NO_TIME);
  }

  @Override
  public TileTensor lower(LowerStep step) {
    LstmWeights.Step unit = weights.lowerStep(step);
    List<Vector> vectors = new ArrayList<>();
    for (int v = 0; v < step.input(0).vectors().size(); v++) {
      LstmTiles state =
          unit.apply(
              step.input(0).vectors().get(v),
              step.input(1).vectors().get(v),
              step.input(2).vectors().get(v));
      vectors.add(part == LstmPart.CELL ? state.cell() : state.hidden());
    }
    return new TileTensor(step.type().shape(), step.dataDim(), vectors);
  }

  @Override
  public List<String> attributes(NodeContext context) {
    List<String> attributes = new ArrayList<>(weights.attributes(context));
    attributes.add("part: " + part);
    return attributes;
  }
}
