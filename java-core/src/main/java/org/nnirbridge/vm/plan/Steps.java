package org.nnirbridge.vm.plan;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.nnirbridge.isa.Opcode;

/**
 * Writes the steps of one thread between two meetings.
 *
 * <p>A step is an opcode, a number of lanes, the target, the sources and the other fields. A place
 * that moves from inference to inference is the complement of its index among the moving places.
 */
final class Steps {
  static final int LANES = 1;
  static final int TARGET = 2;

  private final Map<Place, Integer> moving;
  private final List<int[]> steps = new ArrayList<>();
  private List<Place> lastOperands = List.of();

  Steps(Map<Place, Integer> moving) {
    this.moving = moving;
  }

  /** Numbers for places in rings of more than one entry. */
  static Map<Place, Integer> movingPlaces() {
    return new HashMap<>();
  }

  int offset(Place place) {
    if (place.chunk().entries() == 1) {
      return place.chunk().base() + place.offset();
    }
    return ~moving.computeIfAbsent(place, key -> moving.size());
  }

  void copy(Place target, Place source, int lanes) {
    if (!target.equals(source)) {
      add(Opcode.LOAD, lanes, List.of(target, source));
    }
  }

  void add(Opcode opcode, int lanes, List<Place> operands, int... parameters) {
    if (extendsLast(opcode, operands, parameters)) {
      steps.get(steps.size() - 1)[LANES] += lanes;
      return;
    }
    int[] step = new int[TARGET + operands.size() + parameters.length];
    step[0] = opcode.ordinal();
    step[LANES] = lanes;
    for (int i = 0; i < operands.size(); i++) {
      step[TARGET + i] = offset(operands.get(i));
    }
    System.arraycopy(parameters, 0, step, TARGET + operands.size(), parameters.length);
    steps.add(step);
    lastOperands = operands;
  }

  /** A step that is never extended. */
  void addAlone(int... step) {
    steps.add(step);
    lastOperands = List.of();
  }

  /**
   * Whether a step does what the last one does on the lanes that follow, and reads none of its. A
   * fold is no step of one lane each.
   */
  private boolean extendsLast(Opcode opcode, List<Place> operands, int... parameters) {
    if (opcode == Opcode.FOLD || operands.size() != lastOperands.size()) {
      return false;
    }
    int[] last = steps.get(steps.size() - 1);
    int firstParameter = TARGET + operands.size();
    if (last[0] != opcode.ordinal()
        || !Arrays.equals(last, firstParameter, last.length, parameters, 0, parameters.length)) {
      return false;
    }
    Place target = lastOperands.get(0);
    for (int i = 0; i < operands.size(); i++) {
      Place operand = operands.get(i);
      boolean written =
          i > 0
              && operand.chunk() == target.chunk()
              && operand.offset() >= target.offset()
              && operand.offset() < target.offset() + last[LANES];
      if (written || !operand.equals(lastOperands.get(i).plus(last[LANES]))) {
        return false;
      }
    }
    return true;
  }

  int[][] toArray() {
    return steps.toArray(int[][]::new);
  }
}
