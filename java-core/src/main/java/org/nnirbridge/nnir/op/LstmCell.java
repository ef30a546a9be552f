package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.Arrays;
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
    return features(3, result);
  }

  /** The last axis of every operand and of the result. */
  static DataDims features(int operands, TensorType result) {
    int[] choice = new int[operands + 1];
    Arrays.fill(choice, result.rank() - 1);
    return new DataDims(List.of(choice), "features are the data dimension: [* f!] -> [* h!]");
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    boolean keptState = step.builder().node(step.inputs().get(2).node()).op() instanceof StateRead;
    for (StreamedNode input : step.inputs()) {
      if (keptState && input.timeAxis() != StreamStep.NO_TIME) {
        throw step.refuse(
            "its cell state goes from call to call, not along the streaming axis "
                + input.timeAxis()
                + "; call it in the step of a vollo_torch.nn.Scan");
      }
    }
    return step.applyAlongRows(this);
  }

  @Override
  public TileTensor lower(LowerStep step) {
    LstmWeights.CellStep unit = weights.lowerStep(step);
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
