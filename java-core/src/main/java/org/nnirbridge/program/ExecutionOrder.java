package org.nnirbridge.program;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.nnirbridge.isa.Field;
import org.nnirbridge.isa.Instruction;
import org.nnirbridge.isa.Opcode;

/**
 * One order of all cores' instructions in which every block is sent before it is received.
 *
 * <p>Cores only meet at links that keep their order, so every such order computes the same values.
 */
public final class ExecutionOrder {
  /** How many blocks a link holds; a core that would send more waits. */
  private static final int MOST_ON_LINK = 1 << 20;

  private ExecutionOrder() {}

  /** An instruction's core and its place in that core's stream. */
  public record Step(int core, int index) {}

  /** The order; empty when cores wait for each other for ever or leave blocks on a link. */
  public static Optional<List<Step>> of(List<CoreCode> code) {
    int cores = code.size();
    int[] next = new int[cores];
    int[][] onLink = new int[cores][cores];
    List<Step> order = new ArrayList<>();
    boolean progress = true;
    while (progress) {
      progress = false;
      for (int core = 0; core < cores; core++) {
        List<Instruction> stream = code.get(core).instructions();
        while (next[core] < stream.size() && take(stream.get(next[core]), core, onLink)) {
          order.add(new Step(core, next[core]++));
          progress = true;
        }
      }
    }
    for (int core = 0; core < cores; core++) {
      if (next[core] < code.get(core).instructions().size()) {
        return Optional.empty();
      }
      for (int to = 0; to < cores; to++) {
        if (onLink[core][to] != 0) {
          return Optional.empty();
        }
      }
    }
    return Optional.of(order);
  }

  private static boolean take(Instruction instruction, int core, int[][] onLink) {
    if (instruction.opcode() == Opcode.SEND) {
      int count = field(instruction, Field.COUNT);
      int cores = field(instruction, Field.CORES);
      for (int to = 0; to < onLink.length; to++) {
        if ((cores >> to & 1) != 0 && onLink[core][to] > MOST_ON_LINK - count) {
          return false;
        }
      }
      for (int to = 0; to < onLink.length; to++) {
        onLink[core][to] += (cores >> to & 1) * count;
      }
    }
    if (instruction.opcode() == Opcode.RECEIVE) {
      int from = field(instruction, Field.CORE);
      int count = field(instruction, Field.COUNT);
      if (onLink[from][core] < count) {
        return false;
      }
      onLink[from][core] -= count;
    }
    return true;
  }

  private static int field(Instruction instruction, Field field) {
    return instruction.field(instruction.opcode().fields().indexOf(field));
  }
}
