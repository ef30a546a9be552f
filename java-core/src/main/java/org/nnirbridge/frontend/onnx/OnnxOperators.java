package org.nnirbridge.frontend.onnx;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.nnirbridge.frontend.fx.Argument;

/** The table of ONNX's operators: name to PyTorch's operator of the same meaning, or to nodes. */
final class OnnxOperators {
  /** Operators whose result counts when what they work on does. */
  private static final List<String> KEEP_INTEGERS =
      List.of(
          "Identity",
          "Gather",
          "Concat",
          "Slice",
          "Squeeze",
          "Unsqueeze",
          "Reshape",
          "Expand",
          "Tile",
          "Transpose",
          "Flatten",
          "Add",
          "Sub",
          "Mul",
          "Div",
          "Neg",
          "Abs",
          "Max",
          "Min",
          "ReduceSum",
          "Mod");

  private OnnxOperators() {}

  /** What adds an operator; empty when it is not supported. */
  static Optional<Function<OnnxNode, Argument>> find(String operator) {
    return Optional.ofNullable(
        switch (operator) {
          case "Add" -> OnnxLayers::add;
          case "Sub" -> node -> same(node, "sub");
          case "Mul" -> node -> node.values().gelu().multiply(node);
          case "Div" -> OnnxOperators::divide;
          case "Neg" -> node -> same(node, "neg");
          case "Abs" -> node -> same(node, "abs");
          case "Sqrt" -> node -> same(node, "sqrt");
          case "Reciprocal" -> node -> same(node, "reciprocal");
          case "Exp" -> node -> same(node, "exp");
          case "Log" -> node -> same(node, "log");
          case "Tanh" -> node -> same(node, "tanh");
          case "Sigmoid" -> node -> same(node, "sigmoid");
          case "Swish" -> OnnxActivations::swish;
          case "Relu" -> node -> same(node, "relu");
          case "Softplus" -> node -> same(node, "softplus");
          case "HardSwish" -> node -> same(node, "hardswish");
          case "Greater" -> node -> OnnxLogic.binary(node, "gt", (a, b) -> a > b ? 1f : 0f);
          case "GreaterOrEqual" -> node -> OnnxLogic.binary(node, "ge", (a, b) -> a >= b ? 1f : 0f);
          case "Less" -> node -> OnnxLogic.binary(node, "lt", (a, b) -> a < b ? 1f : 0f);
          case "LessOrEqual" -> node -> OnnxLogic.binary(node, "le", (a, b) -> a <= b ? 1f : 0f);
          case "Equal" -> OnnxLogic::equal;
          case "And" -> node -> OnnxLogic.binary(node, "logical_and", (a, b) -> a * b);
          case "Or" -> node -> OnnxLogic.binary(node, "logical_or", Math::max);
          case "Xor" -> node -> OnnxLogic.binary(node, "logical_xor", (a, b) -> Math.abs(a - b));
          case "Not" -> OnnxLogic::not;
          case "Mod" ->
              node -> OnnxLogic.onConstants(node, (a, b) -> a - b * (float) Math.floor(a / b));
          case "Where" -> node -> same(node, "where");
          case "Max" -> node -> joined(node, "maximum");
          case "Min" -> node -> joined(node, "minimum");
          case "Sum" -> node -> joined(node, "add");
          case "Pow" -> OnnxActivations::power;
          case "Clip" -> OnnxActivations::clip;
          case "Elu" -> node -> scaled(node, "elu", "alpha", 1f, "alpha");
          case "LeakyRelu" -> node -> scaled(node, "leaky_relu", "alpha", 0.01f, "negative_slope");
          case "Erf" -> node -> node.values().gelu().erf(node);
          case "Gelu" -> OnnxActivations::gelu;
          case "Softmax" -> OnnxActivations::softmax;
          case "Identity" -> node -> node.argument(0);
          case "Dropout" -> OnnxOperators::dropout;
          case "Cast", "CastLike" -> OnnxConstants::cast;
          case "MatMul" -> node -> same(node, "matmul");
          case "Gemm" -> OnnxLayers::gemm;
          case "Conv" -> OnnxLayers::convolution;
          case "Pad" -> OnnxLayers::pad;
          case "LSTM" -> OnnxRecurrent::lstm;
          case "GRU" -> OnnxRecurrent::gru;
          case "BatchNormalization" -> OnnxLayers::batchNorm;
          case "LayerNormalization" -> node -> OnnxLayers.norm(node, "layer_norm");
          case "RMSNormalization" -> node -> OnnxLayers.norm(node, "rms_norm");
          case "MaxPool" -> node -> OnnxLayers.pool(node, "max_pool1d");
          case "AveragePool" -> node -> OnnxLayers.pool(node, "avg_pool1d");
          case "GlobalAveragePool" -> OnnxLayers::globalAveragePool;
          case "ReduceSum" -> node -> OnnxShapes.reduce(node, "sum");
          case "ReduceMean" -> node -> OnnxShapes.reduce(node, "mean");
          case "CumSum" -> OnnxShapes::cumulativeSum;
          case "Reshape" -> node -> OnnxLogic.moved(node, OnnxShapes::reshape);
          case "Flatten" -> node -> OnnxLogic.moved(node, OnnxShapes::flatten);
          case "Transpose" -> node -> OnnxLogic.moved(node, OnnxShapes::transpose);
          case "Squeeze" -> node -> OnnxLogic.moved(node, OnnxShapes::squeeze);
          case "Unsqueeze" -> node -> OnnxLogic.moved(node, OnnxShapes::unsqueeze);
          case "Expand" -> node -> OnnxLogic.moved(node, OnnxShapes::expand);
          case "Tile" -> node -> OnnxLogic.moved(node, OnnxShapes::tile);
          case "Slice" -> node -> OnnxLogic.moved(node, OnnxShapes::slice);
          case "Gather" -> node -> OnnxLogic.moved(node, OnnxShapes::gather);
          case "Split" -> node -> OnnxLogic.moved(node, OnnxShapes::split);
          case "Concat" -> OnnxShapes::concat;
          case "SequenceConstruct" -> node -> Argument.Several.of(node.arguments());
          case "SequenceAt" -> OnnxShapes::elementOfSequence;
          case "ConcatFromSequence" -> OnnxShapes::concatSequence;
          case "Shape" -> OnnxConstants::shape;
          case "Size" -> OnnxConstants::size;
          case "Constant" -> OnnxConstants::constant;
          case "ConstantOfShape" -> OnnxConstants::constantOfShape;
          case "Range" -> OnnxConstants::range;
          default -> null;
        });
  }

  /** Whether the results of a node are integers. */
  static boolean givesIntegers(OnnxNode node) {
    return switch (node.operator()) {
      case "Shape", "Size" -> true;
      case "Cast" -> OnnxTensors.isInteger(node.integer("to", 1));
      case "Constant", "ConstantOfShape" ->
          node.attribute("value").map(value -> value.getT().getDataType()).stream()
                  .anyMatch(OnnxTensors::isInteger)
              || node.attribute("value_int").isPresent()
              || node.attribute("value_ints").isPresent();
      default ->
          node.has(0)
              && KEEP_INTEGERS.contains(node.operator())
              && node.values().isInteger(node.inputName(0));
    };
  }

  /** PyTorch's function on the same operands. */
  private static Argument same(OnnxNode node, String function) {
    return node.torch(function, node.arguments().toArray(Argument[]::new));
  }

  private static Argument scaled(
      OnnxNode node, String function, String attribute, float otherwise, String torchName) {
    Argument factor = OnnxNode.number(node.number(attribute, otherwise));
    return node.torch(function, Map.of(torchName, factor), node.argument(0));
  }

  /** A function of two operands on any number of them, from the first on. */
  private static Argument joined(OnnxNode node, String function) {
    Argument result = node.argument(0);
    for (int input = 1; input < node.proto().getInputCount(); input++) {
      result = node.torch(function, result, node.argument(input));
    }
    return result;
  }

  private static Argument divide(OnnxNode node) {
    boolean counts = node.values().isInteger(node.inputName(0));
    return counts && node.constant(0).isPresent() && node.constant(1).isPresent()
        ? OnnxLogic.onConstants(node, (a, b) -> (float) (long) (a / b))
        : node.values().gelu().divide(node, same(node, "div"));
  }

  private static Argument dropout(OnnxNode node) {
    if (node.number(2, "training_mode").orElse(0f) != 0f) {
      throw node.refuse("dropout is active; export the model after model.eval()");
    }
    return node.argument(0);
  }
}
