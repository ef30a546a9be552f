package org.nnirbridge.frontend.fx;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.Unary;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.UnaryFunction;

/** Logic on the results of comparisons, which are 1 or 0 on the machine. */
final class Masks {
  private Masks() {}

  static Argument and(Call call) {
    return binary(call, BinaryFunction.MINIMUM);
  }

  static Argument or(Call call) {
    return binary(call, BinaryFunction.MAXIMUM);
  }

  static Argument xor(Call call) {
    int difference = ((Argument.MaskValue) binary(call, BinaryFunction.SUB)).node();
    return new Argument.MaskValue(call.inBf16().add(new Unary(UnaryFunction.ABS), difference));
  }

  static Argument not(Call call) {
    return not(call, mask(call, 0, "input"));
  }

  private static Argument not(Call call, int mask) {
    return new Argument.MaskValue(call.inBf16().binary(BinaryFunction.SUB, call.scalar(1f), mask));
  }

  private static Argument binary(Call call, BinaryFunction function) {
    int a = mask(call, 0, "input");
    int b = mask(call, 1, "other");
    return new Argument.MaskValue(call.inBf16().binary(function, a, b));
  }

  static Argument equal(Call call) {
    int a = call.tensor(0, "input");
    int b = call.tensor(1, "other");
    int atLeast = call.binary(BinaryFunction.GREATER_EQUAL, a, b);
    int atMost = call.binary(BinaryFunction.GREATER_EQUAL, b, a);
    return new Argument.MaskValue(call.inBf16().binary(BinaryFunction.MINIMUM, atLeast, atMost));
  }

  static Argument notEqual(Call call) {
    return not(call, ((Argument.MaskValue) equal(call)).node());
  }

  /** A comparison's result; of a constant, where it is not zero. */
  static int mask(Call call, int position, String keyword) {
    Argument argument = call.required(position, keyword);
    if (argument instanceof Argument.MaskValue mask) {
      return mask.node();
    }
    if (argument instanceof Argument.Bool value) {
      return call.scalar(value.value() ? 1f : 0f);
    }
    Optional<Tensor> constant =
        argument instanceof Argument.TensorValue value
            ? call.constant(value.node())
            : Optional.empty();
    if (constant.isEmpty()) {
      throw call.refuse(
          "the argument " + keyword + " is not a comparison; compare it first, as in x > 0");
    }
    float[] values = constant.get().values().clone();
    for (int i = 0; i < values.length; i++) {
      values[i] = values[i] != 0f ? 1f : 0f;
    }
    return call.builder().constant(call.name(), new Tensor(constant.get().shape(), values));
  }

  /** What only moves values also moves those of a comparison, and gives one then. */
  static Function<Call, Argument> through(Function<Call, Argument> moves) {
    return call -> {
      if (call.args().isEmpty() || !(call.args().get(0) instanceof Argument.MaskValue mask)) {
        return moves.apply(call);
      }
      List<Argument> args = new ArrayList<>(call.args());
      args.set(0, new Argument.TensorValue(mask.node()));
      return asMask(moves.apply(call.with(args, call.kwargs())));
    };
  }

  private static Argument asMask(Argument moved) {
    if (moved instanceof Argument.TensorValue value) {
      return new Argument.MaskValue(value.node());
    }
    if (moved instanceof Argument.Several several) {
      return Argument.Several.of(several.all().stream().map(Masks::asMask).toList());
    }
    return moved;
  }
}
