package org.nnirbridge.frontend.fx;

import java.util.Optional;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.Conv1d;
import org.nnirbridge.nnir.op.ConvolutionWeights;

/** PyTorch's convolution along the last axis, by constant weights. */
final class Convolution {
  private static final String WAY_OUT = "give a parameter or a buffer";

  private Convolution() {}

  static Argument conv1d(Call call) {
    if (call.argument(-1, "padding_mode").orElse(new Argument.None()) instanceof Argument.Text mode
        && !mode.value().equals("zeros")) {
      throw call.refuse("padding_mode=" + mode.value() + " is not supported; use \"zeros\"");
    }
    Tensor weight =
        call.constantArgument(1, "weight", WAY_OUT)
            .orElseThrow(() -> call.refuse("the argument weight is missing"));
    int dilation = call.single(5, "dilation").orElse(1);
    int reach = (weight.shape().get(2) - 1) * dilation;
    int left = 0;
    int right = 0;
    if (call.argument(4, "padding").orElse(new Argument.None()) instanceof Argument.Text padding) {
      left = padding.value().equals("same") ? reach / 2 : 0;
      right = padding.value().equals("same") ? reach - left : 0;
    } else {
      left = call.single(4, "padding").orElse(0);
      right = left;
    }
    ConvolutionWeights weights =
        weights(weight, call.constantArgument(2, "bias", WAY_OUT), call.integer(6, "groups", 1));
    int stride = call.single(3, "stride").orElse(1);
    return call.result(new Conv1d(weights, stride, dilation, left, right), call.tensor(0, "input"));
  }

  static Argument padded(ModuleCall module) {
    Tensor weight = module.parameter("conv.weight");
    int dilation = module.integer("dilation", 1);
    int reach = (weight.shape().get(2) - 1) * dilation;
    ConvolutionWeights weights =
        weights(weight, module.optionalParameter("conv.bias"), module.integer("groups", 1));
    Call call = module.call();
    return call.result(new Conv1d(weights, 1, dilation, reach, 0), call.tensor(0, "input"));
  }

  private static ConvolutionWeights weights(Tensor weight, Optional<Tensor> bias, int groups) {
    Tensor values = bias.orElse(Tensor.zeros(weight.shape().subList(0, 1)));
    return new ConvolutionWeights(weight, values, bias.isPresent(), groups);
  }
}
