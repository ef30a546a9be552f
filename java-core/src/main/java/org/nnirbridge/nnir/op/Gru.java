package org.nnirbridge.nnir.op;

import java.util.List;
import org.nnirbridge.nnir.Tensor;

/**
 * One GRU layer in one direction.
 *
 * @param initialHidden the hidden state before the first step, of the input's shape without the
 *     sequence axis, with hidden features
 */
public record Gru(
    GruWeights weights, Tensor initialHidden, int sequenceAxis, boolean reverse, LstmPart part)
    implements RecurrentLayer {
  @Override
  public RecurrentWeights cell() {
    return weights;
  }

  @Override
  public List<Tensor> initialStates() {
    return List.of(initialHidden);
  }

  @Override
  public boolean recurrentState() {
    return false;
  }

  @Override
  public RecurrentLayer ofOneRow(List<Tensor> initialStates) {
    return new Gru(weights, initialStates.get(0), 0, reverse, part);
  }
}
