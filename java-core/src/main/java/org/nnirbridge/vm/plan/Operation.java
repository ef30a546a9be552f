package org.nnirbridge.vm.plan;

import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.nnirbridge.isa.Opcode;

/**
 * An instruction on blocks other than a product: the sources in the instruction's order, then the
 * other fields.
 *
 * <p>An instruction that changes its target in part has the target's old value as first source.
 */
final class Operation implements Result {
  private final Opcode opcode;
  private final Value[] sources;
  private final int[] parameters;

  Operation(Opcode opcode, List<Value> sources, int... parameters) {
    this.opcode = opcode;
    this.sources = sources.toArray(Value[]::new);
    this.parameters = parameters;
  }

  Opcode opcode() {
    return opcode;
  }

  @Override
  public List<Value> sources() {
    return Arrays.asList(sources);
  }

  int[] parameters() {
    return parameters;
  }

  /** Whether another operation does the same with other sources. */
  boolean isLike(Operation other) {
    return opcode == other.opcode && Arrays.equals(parameters, other.parameters);
  }

  /** Whether each lane of the result depends on the same lane of each source alone. */
  boolean isLaneByLane() {
    return switch (opcode) {
      case STORE, MAP, ZIP, BOUND, MULTIPLY_ADD, LSTM_CELL, LSTM_HIDDEN, SELECT -> true;
      case READ, WRITE, SEND, RECEIVE, CLEAR, LOAD, MATVEC, LANES_MOVE, FOLD -> false;
    };
  }

  /** Whether the result may take the place of the first source. */
  boolean changesFirstSource() {
    return opcode == Opcode.LANES_MOVE;
  }

  @Override
  public void replaceSources(UnaryOperator<Value> replacement) {
    Arrays.setAll(sources, i -> replacement.apply(sources[i]));
  }
}
