package org.nnirbridge.frontend.fx;

import org.nnirbridge.nnir.op.Pool1d;

/** PyTorch's pooling along the last axis. */
final class Pooling {
  private Pooling() {}

  static Argument max(Call call) {
    if (call.flag(6, "return_indices", false)) {
      throw call.refuse("return_indices is not supported; only the values are there");
    }
    int dilation = call.single(4, "dilation").orElse(1);
    return pool(call, Pool1d.Pooling.MAX, dilation, call.flag(5, "ceil_mode", false));
  }

  static Argument average(Call call) {
    return pool(call, Pool1d.Pooling.AVG, 1, call.flag(4, "ceil_mode", false));
  }

  private static Argument pool(Call call, Pool1d.Pooling pooling, int dilation, boolean ceilMode) {
    int padding = call.single(3, "padding").orElse(0);
    if (padding != 0) {
      throw call.refuse("padding=" + padding + " is not supported; use 0");
    }
    if (ceilMode) {
      throw call.refuse("ceil_mode=True is not supported; use False");
    }
    int kernelSize = call.single(1, "kernel_size").orElseThrow();
    int stride = call.single(2, "stride").orElse(kernelSize);
    return call.result(new Pool1d(pooling, kernelSize, stride, dilation), call.tensor(0, "input"));
  }
}
