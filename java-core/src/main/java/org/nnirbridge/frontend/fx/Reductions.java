package org.nnirbridge.frontend.fx;

import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.BatchNorm;
import org.nnirbridge.nnir.op.CumSum;
import org.nnirbridge.nnir.op.LayerNorm;
import org.nnirbridge.nnir.op.Op;
import org.nnirbridge.nnir.op.Reduce;
import org.nnirbridge.nnir.op.RmsNorm;
import org.nnirbridge.nnir.op.Softmax;

/** PyTorch's sums, means, softmax and normalizations. */
final class Reductions {
  /** What PyTorch adds to a mean square when no eps is given: the float32 after 1, less 1. */
  private static final float DEFAULT_EPSILON = 0x1p-23f;

  private Reductions() {}

  static Argument reduce(Call call, Reduce.Reduction reduction) {
    call.refuseOtherType(call.argument(-1, "dtype"));
    int input = call.tensor(0, "input");
    List<Integer> shape = call.shape(input);
    Optional<Argument> dims =
        call.argument(1, "dim").filter(dim -> !(dim instanceof Argument.None));
    List<Integer> axes =
        dims.map(dim -> axes(call, call.integers(dim, "dim"), shape.size()))
            .filter(given -> !given.isEmpty())
            .orElse(IntStream.range(0, shape.size()).boxed().toList());
    if (axes.isEmpty()) {
      return new Argument.TensorValue(input);
    }
    int reduced = call.add(new Reduce(reduction, axes), input);
    if (call.flag(2, "keepdim", false)) {
      return new Argument.TensorValue(reduced);
    }
    List<Integer> kept =
        IntStream.range(0, shape.size())
            .filter(axis -> !axes.contains(axis))
            .mapToObj(shape::get)
            .toList();
    return new Argument.TensorValue(call.reshape(reduced, kept));
  }

  private static List<Integer> axes(Call call, List<Integer> dims, int rank) {
    return dims.stream().map(dim -> call.axis(dim, rank)).sorted().toList();
  }

  static Argument cumulativeSum(Call call) {
    call.refuseOtherType(call.argument(-1, "dtype"));
    int input = call.tensor(0, "input");
    int axis = call.axis(call.integer(1, "dim"), call.shape(input).size());
    return call.result(new CumSum(axis), input);
  }

  static Argument softmax(Call call) {
    call.refuseOtherType(call.argument(-1, "dtype"));
    int input = call.tensor(0, "input");
    if (call.argument(1, "dim").orElse(new Argument.None()) instanceof Argument.None) {
      throw call.refuse("give dim, the axis along which the results add up to 1");
    }
    int axis = call.axis(call.integer(1, "dim"), call.shape(input).size());
    return call.result(new Softmax(axis), input);
  }

  static Argument rmsNorm(Call call) {
    int input = call.tensor(0, "input");
    List<Integer> axes = normalizedAxes(call, input);
    return call.result(
        new RmsNorm(axes, call.number(3, "eps", DEFAULT_EPSILON), parameter(call, 2, "weight")),
        input);
  }

  static Argument layerNorm(Call call) {
    int input = call.tensor(0, "input");
    List<Integer> axes = normalizedAxes(call, input);
    Op norm =
        new LayerNorm(
            axes,
            call.number(4, "eps", 1e-5f),
            parameter(call, 2, "weight"),
            parameter(call, 3, "bias"));
    return call.result(norm, input);
  }

  private static List<Integer> normalizedAxes(Call call, int input) {
    int rank = call.shape(input).size();
    int normalized = call.integers(call.required(1, "normalized_shape"), "normalized_shape").size();
    return IntStream.range(rank - normalized, rank).boxed().toList();
  }

  private static Optional<Tensor> parameter(Call call, int position, String keyword) {
    return call.constantArgument(position, keyword, "leave it out and apply it after");
  }

  /** Batch normalization by the statistics of training, as a scale and a shift per channel. */
  static Argument batchNorm(Call call) {
    if (call.args().size() > 8) {
      throw call.refuse(
          "torch.batch_norm is not supported; use torch.nn.functional.batch_norm, whose arguments"
              + " have another order");
    }
    if (call.flag(5, "training", false)) {
      throw call.refuse("it is in training mode; call model.eval() first");
    }
    float[] mean = statistic(call, 1, "running_mean").values();
    float[] variance = statistic(call, 2, "running_var").values();
    Optional<Tensor> weight = parameter(call, 3, "weight");
    Optional<Tensor> bias = parameter(call, 4, "bias");
    float[] scale = new float[mean.length];
    float[] shift = new float[mean.length];
    for (int c = 0; c < mean.length; c++) {
      double factor = weight.isPresent() ? weight.get().values()[c] : 1;
      factor /= Math.sqrt((double) variance[c] + call.number(7, "eps", 1e-5f));
      scale[c] = (float) factor;
      shift[c] = (float) ((bias.isPresent() ? bias.get().values()[c] : 0) - mean[c] * factor);
    }
    List<Integer> shape = List.of(mean.length);
    BatchNorm norm = new BatchNorm(new Tensor(shape, scale), new Tensor(shape, shift), 1);
    return call.result(norm, call.tensor(0, "input"));
  }

  private static Tensor statistic(Call call, int position, String keyword) {
    return call.constantArgument(position, keyword, "give a buffer")
        .orElseThrow(
            () ->
                call.refuse(
                    "it keeps no running statistics; set track_running_stats=True and train it"));
  }
}
