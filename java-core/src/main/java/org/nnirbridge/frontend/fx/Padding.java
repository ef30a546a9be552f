package org.nnirbridge.frontend.fx;

import java.util.List;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.Concat;
import org.nnirbridge.nnir.op.Slice;

/** Constants before and after the values of an axis, and values moved along it in a circle. */
final class Padding {
  private Padding() {}

  static Argument pad(Call call) {
    Argument mode = call.argument(2, "mode").orElse(new Argument.Text("constant"));
    if (!mode.equals(new Argument.Text("constant"))) {
      throw call.refuse("only mode='constant' is supported; join values with torch.cat");
    }
    return pad(call, call.integers(call.required(1, "pad"), "pad"), call.number(3, "value", 0f));
  }

  /** {@code torch.nn.ConstantPad1d}. */
  static Argument constant(ModuleCall module) {
    return pad(module.call(), module.integers("padding"), module.number("value", 0f));
  }

  /** How many values come before and after those of the last axis, then of the one before it. */
  private static Argument pad(Call call, List<Integer> pads, float value) {
    int result = call.tensor(0, "input");
    int rank = call.shape(result).size();
    for (int i = 0; i < pads.size(); i += 2) {
      int axis = call.axis(-1 - i / 2, rank);
      int before = pads.get(i);
      int after = pads.get(i + 1);
      int extent = call.shape(result).get(axis) + Math.min(before, 0) + Math.min(after, 0);
      if (extent < 1) {
        throw call.refuse("padding by " + pads + " leaves no values on axis " + axis);
      }
      if (before < 0 || after < 0) {
        result = call.add(new Slice(axis, Math.max(-before, 0), 1, extent), result);
      }
      if (before > 0) {
        result = call.add(new Concat(axis), filled(call, result, axis, before, value), result);
      }
      if (after > 0) {
        result = call.add(new Concat(axis), result, filled(call, result, axis, after, value));
      }
    }
    return new Argument.TensorValue(result);
  }

  private static int filled(Call call, int like, int axis, int extent, float value) {
    List<Integer> shape = Shapes.with(call.shape(like), axis, extent);
    return call.builder().constant(call.name() + "_pad", Tensor.filled(shape, value));
  }

  static Argument roll(Call call) {
    int result = call.tensor(0, "input");
    List<Integer> shifts = call.integers(call.required(1, "shifts"), "shifts");
    List<Integer> dims =
        call.argument(2, "dims")
            .filter(given -> !(given instanceof Argument.None))
            .map(given -> call.integers(given, "dims"))
            .orElse(List.of());
    if (dims.size() != shifts.size()) {
      throw call.refuse("give dims, an axis for each of the shifts");
    }
    for (int i = 0; i < dims.size(); i++) {
      int axis = call.axis(dims.get(i), call.shape(result).size());
      int extent = call.shape(result).get(axis);
      int shift = Math.floorMod(shifts.get(i), extent);
      if (shift > 0) {
        int end = call.add(new Slice(axis, extent - shift, 1, shift), result);
        int start = call.add(new Slice(axis, 0, 1, extent - shift), result);
        result = call.add(new Concat(axis), end, start);
      }
    }
    return new Argument.TensorValue(result);
  }
}
