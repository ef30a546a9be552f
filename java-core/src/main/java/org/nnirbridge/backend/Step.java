package org.nnirbridge.backend;

import java.util.List;
import java.util.Optional;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.tile.TileOp;

/**
 * An instruction whose operands have no addresses yet; a sum is one step, whatever it becomes.
 *
 * @param target what it writes; null only for SEND and WRITE
 * @param numbers the fields that are not addresses, in order
 * @param layer the operator that it belongs to
 * @param sum for MATVEC what is summed; its sources are the initial value, if any, the inputs, and
 *     the addend, if any
 */
record Step(
    Opcode opcode,
    Local target,
    List<Local> sources,
    List<Integer> numbers,
    TileOp.MatVec sum,
    int layer) {
  Step {
    sources = List.copyOf(sources);
    numbers = List.copyOf(numbers);
  }

  /** What the sum starts from. */
  Optional<Local> initial() {
    return sum != null && sum.initial().isPresent()
        ? Optional.of(sources.get(0))
        : Optional.empty();
  }

  /** What is added to the sum after its last product. */
  Optional<Local> addend() {
    return sum != null && sum.addend().isPresent()
        ? Optional.of(sources.get(sources.size() - 1))
        : Optional.empty();
  }
}
