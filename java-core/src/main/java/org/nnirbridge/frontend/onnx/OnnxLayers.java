package org.nnirbridge.frontend.onnx;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.nnirbridge.frontend.fx.Argument;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.Concat;
import org.nnirbridge.nnir.op.Conv1d;
import org.nnirbridge.nnir.op.ConvolutionWeights;
import org.nnirbridge.nnir.op.Linear;
import org.nnirbridge.nnir.op.Transpose;

/** ONNX's layers with weights, norms and pooling. */
final class OnnxLayers {
  private OnnxLayers() {}

  /** A sum; with a bias behind a product of its own, the bias becomes the product's. */
  static Argument add(OnnxNode node) {
    Optional<Argument> partOfGelu = node.values().gelu().add(node);
    if (partOfGelu.isPresent()) {
      return partOfGelu.get();
    }
    for (int i = 0; i < 2; i++) {
      Optional<Argument> layer = withBias(node, i, 1 - i);
      if (layer.isPresent()) {
        return layer.get();
      }
    }
    return node.torch("add", node.argument(0), node.argument(1));
  }

  private static Optional<Argument> withBias(OnnxNode node, int product, int bias) {
    Argument operand = node.argument(product);
    Optional<Tensor> values = node.constant(bias);
    if (values.isEmpty()
        || !(node.operatorOf(operand).orElse(null) instanceof Linear linear)
        || linear.hasBias()
        || !node.values().isUsedOnce(node.inputName(product))) {
      return Optional.empty();
    }
    int id = ((Argument.TensorValue) operand).node();
    int features = linear.weight().shape().get(0);
    boolean alongLast = linear.axis() == node.shape(id).size() - 1;
    if (!alongLast || !values.get().shape().equals(List.of(features))) {
      return Optional.empty();
    }
    int input = node.builder().node(id).inputs().get(0);
    return Optional.of(
        node.result(new Linear(linear.weight(), values.get(), true, linear.axis()), input));
  }

  /** {@code alpha * A * B + beta * C} of matrices. */
  static Argument gemm(OnnxNode node) {
    int input = node.tensor(0);
    if (node.integer("transA", 0) != 0) {
      input = node.add(new Transpose(List.of(1, 0)), input);
    }
    Tensor matrix = node.requiredConstant(1, "matrix B");
    Tensor weight = node.integer("transB", 0) != 0 ? matrix : matrix.transposedMatrix();
    weight = times(weight, node.number("alpha", 1f));
    Optional<Tensor> bias = node.constant(2).map(c -> times(c, node.number("beta", 1f)));
    int features = weight.shape().get(0);
    boolean perFeature =
        bias.isPresent()
            && bias.get().values().length == features
            && bias.get().shape().get(bias.get().shape().size() - 1) == features;
    Tensor values = perFeature ? bias.get() : Tensor.zeros(List.of(features));
    Argument product =
        node.result(
            new Linear(weight, new Tensor(List.of(features), values.values()), perFeature, 1),
            input);
    if (perFeature || !node.has(2)) {
      return product;
    }
    if (bias.isEmpty() && node.number("beta", 1f) != 1f) {
      throw node.refuse("beta is supported with a constant C only; multiply C by it");
    }
    Argument addend = bias.isPresent() ? node.constantResult(bias.get()) : node.argument(2);
    return node.torch("add", product, addend);
  }

  private static Tensor times(Tensor tensor, float factor) {
    if (factor == 1f) {
      return tensor;
    }
    float[] values = tensor.values().clone();
    for (int i = 0; i < values.length; i++) {
      values[i] *= factor;
    }
    return new Tensor(tensor.shape(), values);
  }

  static Argument convolution(OnnxNode node) {
    Tensor weight = node.requiredConstant(1, "weight");
    if (weight.shape().size() != 3) {
      throw node.refuse(
          "its weight has shape %s; only convolutions along one axis are supported"
              .formatted(weight.shape()));
    }
    int input = node.tensor(0);
    List<Integer> pads = pads(node, input, weight.shape().get(2));
    int left = pads.get(0);
    int right = pads.get(1);
    Optional<OnnxValues.Padding> padding = node.values().padding(input);
    if (padding.isPresent()) {
      input = padding.get().node();
      left += padding.get().left();
      right += padding.get().right();
    }
    Optional<Tensor> bias =
        node.has(2) ? Optional.of(node.requiredConstant(2, "bias")) : Optional.empty();
    ConvolutionWeights weights =
        new ConvolutionWeights(
            weight,
            bias.orElse(Tensor.zeros(weight.shape().subList(0, 1))),
            bias.isPresent(),
            node.integer("group", 1));
    int stride = node.integers("strides", List.of(1)).get(0);
    int dilation = node.integers("dilations", List.of(1)).get(0);
    return node.result(new Conv1d(weights, stride, dilation, left, right), input);
  }

  /** The zeros before and behind the last axis of a convolution's input. */
  private static List<Integer> pads(OnnxNode node, int input, int kernel) {
    String autoPad = node.text("auto_pad", "NOTSET");
    if (autoPad.equals("NOTSET")) {
      return node.integers("pads", List.of(0, 0));
    }
    int stride = node.integers("strides", List.of(1)).get(0);
    int reach = (kernel - 1) * node.integers("dilations", List.of(1)).get(0) + 1;
    int length = node.shape(input).get(node.shape(input).size() - 1);
    int needed = Math.max((((length + stride - 1) / stride) - 1) * stride + reach - length, 0);
    return switch (autoPad) {
      case "VALID" -> List.of(0, 0);
      case "SAME_UPPER" -> List.of(needed / 2, needed - needed / 2);
      case "SAME_LOWER" -> List.of(needed - needed / 2, needed / 2);
      default -> throw node.refuse("auto_pad=" + autoPad + " is not supported; give pads");
    };
  }

  /** Constants around a tensor; a convolution behind zeros along the last axis takes them over. */
  static Argument pad(OnnxNode node) {
    if (!node.text("mode", "constant").equals("constant")) {
      throw node.refuse("mode=" + node.text("mode", "") + " is not supported; use constant");
    }
    int input = node.tensor(0);
    int rank = node.shape(input).size();
    List<Integer> pads =
        node.integers(1, "pads", "pads").orElseThrow(() -> node.refuse("it has no pads"));
    List<Integer> axes =
        node.has(3)
            ? node.integers(3, "axes").stream().map(axis -> node.axis(axis, rank)).toList()
            : IntStream.range(0, rank).boxed().toList();
    if (pads.size() != 2 * axes.size() || pads.stream().anyMatch(pad -> pad < 0)) {
      throw node.refuse(
          "pads " + pads + " of axes " + axes + " are not supported; none is below 0");
    }
    float value = node.number(2, "value").orElse(node.number("value", 0f));
    int padded = input;
    boolean alongLast = value == 0f;
    for (int i = 0; i < axes.size(); i++) {
      int before = pads.get(i);
      int after = pads.get(axes.size() + i);
      alongLast &= axes.get(i) == rank - 1 || before + after == 0;
      padded = padded(node, padded, axes.get(i), before, after, value);
    }
    if (alongLast && axes.contains(rank - 1) && padded != input) {
      int last = axes.indexOf(rank - 1);
      node.values()
          .notePadding(
              padded, new OnnxValues.Padding(input, pads.get(last), pads.get(axes.size() + last)));
    }
    return new Argument.TensorValue(padded);
  }

  private static int padded(
      OnnxNode node, int input, int axis, int before, int after, float value) {
    List<Integer> parts = new ArrayList<>();
    if (before > 0) {
      parts.add(filled(node, input, axis, before, value));
    }
    parts.add(input);
    if (after > 0) {
      parts.add(filled(node, input, axis, after, value));
    }
    return parts.size() == 1
        ? input
        : node.add(new Concat(axis), parts.stream().mapToInt(Integer::intValue).toArray());
  }

  private static int filled(OnnxNode node, int input, int axis, int extent, float value) {
    List<Integer> shape = Shapes.with(node.shape(input), axis, extent);
    return node.builder().constant(node.name() + "_pad", Tensor.filled(shape, value));
  }

  static Argument batchNorm(OnnxNode node) {
    Map<String, Tensor> parameters = new HashMap<>();
    List<String> names = List.of("weight", "bias", "running_mean", "running_var");
    for (int i = 0; i < names.size(); i++) {
      parameters.put(names.get(i), node.requiredConstant(i + 1, names.get(i)));
    }
    boolean training = node.integer("training_mode", 0) != 0;
    Map<String, Argument> attributes =
        Map.of(
            "training",
            new Argument.Bool(training),
            "eps",
            OnnxNode.number(node.number("epsilon", 1e-5f)));
    return node.torch()
        .module("torch.nn.BatchNorm1d", List.of(node.argument(0)), attributes, parameters);
  }

  /** A normalization of the last axes, from the attribute axis on. */
  static Argument norm(OnnxNode node, String function) {
    List<Integer> shape = node.shape(node.tensor(0));
    int first = node.axis(node.integer("axis", -1), shape.size());
    Map<String, Argument> named = new HashMap<>();
    named.put("normalized_shape", OnnxNode.integers(shape.subList(first, shape.size())));
    named.put("eps", OnnxNode.number(node.number("epsilon", 1e-5f)));
    named.put("weight", node.argument(1));
    if (node.has(2)) {
      named.put("bias", node.argument(2));
    }
    return node.torch(function, named, node.argument(0));
  }

  static Argument pool(OnnxNode node, String function) {
    List<Integer> kernel = node.integers("kernel_shape", List.of());
    if (kernel.size() != 1) {
      throw node.refuse("kernel_shape=" + kernel + "; only pooling along one axis is supported");
    }
    String autoPad = node.text("auto_pad", "NOTSET");
    if (!autoPad.equals("NOTSET") && !autoPad.equals("VALID")) {
      throw node.refuse("auto_pad=" + autoPad + " is not supported; use VALID, or Pad before it");
    }
    List<Integer> dilations = node.integers("dilations", List.of(1));
    if (function.equals("avg_pool1d") && dilations.get(0) != 1) {
      throw node.refuse("dilations=" + dilations + " are not supported; use 1");
    }
    List<Integer> pads = node.integers("pads", List.of(0, 0));
    if (pads.stream().anyMatch(pad -> pad != 0)) {
      throw node.refuse("pads=" + pads + " are not supported; use 0");
    }
    Map<String, Argument> named = new HashMap<>();
    named.put("kernel_size", OnnxNode.integers(kernel));
    named.put("stride", OnnxNode.integers(node.integers("strides", List.of(1))));
    named.put("ceil_mode", new Argument.Bool(node.integer("ceil_mode", 0) != 0));
    if (function.equals("max_pool1d")) {
      named.put("dilation", OnnxNode.integers(dilations));
    }
    return node.torch(function, named, node.argument(0));
  }

  static Argument globalAveragePool(OnnxNode node) {
    List<Integer> axes = IntStream.range(2, node.rank(0)).boxed().toList();
    Map<String, Argument> named =
        Map.of("dim", OnnxNode.integers(axes), "keepdim", new Argument.Bool(true));
    return node.torch("mean", named, node.argument(0));
  }
}
