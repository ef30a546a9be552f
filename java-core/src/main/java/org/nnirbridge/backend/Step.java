package org.nnirbridge.backend;

import java.util.List;
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
}
