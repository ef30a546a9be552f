package org.nnirbridge.nnir;

import java.util.List;
import org.nnirbridge.numerics.NumberFormat;

/**
 * What was asked for around an operation where the model was traced.
 *
 * @param activationFormat the format in which the operation computes, where it has a choice
 * @param fp8Weights whether constant weights are stored as FP8
 * @param cores the cores it may run on; empty means all
 */
public record NodeContext(NumberFormat activationFormat, boolean fp8Weights, List<Integer> cores) {
  public static final NodeContext DEFAULT = new NodeContext(NumberFormat.BF16, false, List.of());

  public NodeContext {
    cores = List.copyOf(cores);
  }

  public NodeContext withFormat(NumberFormat format) {
    return new NodeContext(format, fp8Weights, cores);
  }
}
