package org.nnirbridge.nnir.op;

import java.util.List;
import org.nnirbridge.nnir.Tensor;

/**
 * One LSTM layer in one direction.
 *
 * @param initialHidden the hidden state before the first step, of the input's shape without the
 *     sequence axis, with hidden features
 * @param initialCell the cell state likewise
 */
public record Lstm(
    LstmWeights weights,
    Tensor initialHidden,
    Tensor initialCell,
    int sequenceAxis,
    boolean reverse,
    LstmPart part,
    boolean recurrentState)
    implements RecurrentLayer {
  @Override
  public RecurrentWeights cell() {
    return weights;
  }

  @Override
  public List<Tensor> initialStates() {
    return List.of(initialHidden, initialCell);
  }

  @Override
  public RecurrentLayer ofOneRow(List<Tensor> initialStates) {
    return new Lstm(
        weights, initialStates.get(0), initialStates.get(1), 0, reverse, part, recurrentState);
  }
}
