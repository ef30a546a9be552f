package org.nnirbridge.frontend.fx;

import java.util.List;
import org.nnirbridge.nnir.Tensor;

/** Constants that a model makes by their shape: {@code zeros}, {@code full_like} and the like. */
final class Filled {
  private Filled() {}

  /** A tensor of a shape that is given first. */
  static Argument filled(Call call, float value) {
    return filled(call, call.integers(0, "size"), value);
  }

  /** A tensor of a shape that is given second, after a tensor that does not matter. */
  static Argument filledNew(Call call, float value) {
    return filled(call, call.integers(1, "size"), value);
  }

  static Argument filledLike(Call call, float value) {
    return filled(call, call.shape(call.tensor(0, "input")), value);
  }

  static Argument full(Call call, int position) {
    List<Integer> shape = call.integers(call.required(position, "size"), "size");
    return filled(call, shape, call.number(position + 1, "fill_value", 0f));
  }

  static Argument fullLike(Call call) {
    return filledLike(call, call.number(1, "fill_value", 0f));
  }

  /** A module whose size is given to its call or else to its constructor. */
  static Argument module(ModuleCall module, float value) {
    Call call = module.call();
    boolean inCall = !call.args().isEmpty() || call.kwargs().containsKey("size");
    if (inCall || !(module.attribute("size") instanceof Argument.Several sizes)) {
      return filled(call, value);
    }
    return filled(call.with(sizes.all(), call.kwargs()), value);
  }

  private static Argument filled(Call call, List<Integer> shape, float value) {
    call.refuseOtherType(call.argument(-1, "dtype"));
    return new Argument.TensorValue(
        call.builder().constant(call.name(), Tensor.filled(shape, value)));
  }
}
