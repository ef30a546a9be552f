package org.nnirbridge.frontend.onnx;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.frontend.fx.Argument;
import org.nnirbridge.frontend.fx.TorchOperators;
import org.nnirbridge.frontend.onnx.proto.Onnx.AttributeProto;
import org.nnirbridge.frontend.onnx.proto.Onnx.NodeProto;
import org.nnirbridge.nnir.GraphBuilder;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.Constant;
import org.nnirbridge.nnir.op.Op;
import org.nnirbridge.nnir.op.Reshape;

/**
 * An ONNX node on its way into NNIR: its operands, its attributes, and how to add what it becomes.
 */
record OnnxNode(NodeProto proto, OnnxValues values, GraphBuilder builder, int opset) {

  String name() {
    String name = proto.getName().isEmpty() ? proto.getOutput(0) : proto.getName();
    return name.startsWith("/") ? name.substring(1) : name;
  }

  String operator() {
    return proto.getOpType();
  }

  UnsupportedModel refuse(String why) {
    return new UnsupportedModel(name() + " (" + operator() + "): " + why);
  }

  // Operands.

  boolean has(int input) {
    return input < proto.getInputCount() && !proto.getInput(input).isEmpty();
  }

  String inputName(int input) {
    if (!has(input)) {
      throw refuse("input " + input + " is missing");
    }
    return proto.getInput(input);
  }

  Argument argument(int input) {
    if (values.isPartOfGelu(inputName(input))) {
      throw refuse("erf is supported as a part of GELU only; use Gelu or tanh");
    }
    return values.argument(inputName(input));
  }

  /** All operands, in order. */
  List<Argument> arguments() {
    List<Argument> arguments = new ArrayList<>();
    for (int input = 0; input < proto.getInputCount(); input++) {
      arguments.add(argument(input));
    }
    return arguments;
  }

  /** The node of an operand that is a tensor. */
  int tensor(int input) {
    if (argument(input) instanceof Argument.TensorValue value) {
      return value.node();
    }
    throw refuse("input " + input + " is a comparison, which can only be the condition of Where");
  }

  List<Integer> shape(int node) {
    return builder.type(node).shape();
  }

  int rank(int input) {
    return shape(tensor(input)).size();
  }

  /** The value of an operand that is known before the model runs. */
  Optional<Tensor> constant(int input) {
    return has(input) ? values.constant(inputName(input)) : Optional.empty();
  }

  Tensor requiredConstant(int input, String what) {
    inputName(input);
    return constant(input)
        .orElseThrow(() -> refuse("its " + what + " is computed at run time; make it constant"));
  }

  /** Integers that an operand holds. */
  List<Integer> integers(int input, String what) {
    List<Integer> integers = new ArrayList<>();
    for (float value : requiredConstant(input, what).values()) {
      integers.add((int) value);
    }
    return integers;
  }

  /** Integers that newer models hold in an operand and older ones in an attribute. */
  Optional<List<Integer>> integers(int input, String what, String attribute) {
    if (has(input)) {
      return Optional.of(integers(input, what));
    }
    return attribute(attribute).map(given -> integers(given.getIntsList()));
  }

  /** The number that an operand holds. */
  Optional<Float> number(int input, String what) {
    if (!has(input)) {
      return Optional.empty();
    }
    Tensor constant = requiredConstant(input, what);
    if (constant.values().length != 1) {
      throw refuse("its " + what + " must be one number, got shape " + constant.shape());
    }
    return Optional.of(constant.values()[0]);
  }

  // Attributes.

  Optional<AttributeProto> attribute(String name) {
    return proto.getAttributeList().stream()
        .filter(attribute -> attribute.getName().equals(name))
        .findFirst();
  }

  int integer(String name, int otherwise) {
    return attribute(name).map(attribute -> clip(attribute.getI())).orElse(otherwise);
  }

  float number(String name, float otherwise) {
    return attribute(name).map(AttributeProto::getF).orElse(otherwise);
  }

  String text(String name, String otherwise) {
    return attribute(name).map(attribute -> OnnxTensors.text(attribute.getS())).orElse(otherwise);
  }

  List<Integer> integers(String name, List<Integer> otherwise) {
    return attribute(name).map(given -> integers(given.getIntsList())).orElse(otherwise);
  }

  private static List<Integer> integers(List<Long> values) {
    return values.stream().map(OnnxNode::clip).toList();
  }

  private static int clip(long value) {
    return (int) Math.max(Math.min(value, Integer.MAX_VALUE), -Integer.MAX_VALUE);
  }

  /** An axis counted from the front. */
  int axis(int axis, int rank) {
    if (axis < -rank || axis >= rank) {
      throw refuse("there is no axis " + axis + " among " + rank);
    }
    return axis < 0 ? axis + rank : axis;
  }

  // Results.

  int add(Op op, int... operands) {
    List<Integer> inputs = new ArrayList<>();
    for (int operand : operands) {
      inputs.add(operand);
    }
    return builder.add(name(), op, NodeContext.DEFAULT, inputs);
  }

  Argument result(Op op, int... operands) {
    return new Argument.TensorValue(add(op, operands));
  }

  Argument constantResult(Tensor tensor) {
    return new Argument.TensorValue(builder.constant(name(), tensor));
  }

  int reshape(int node, List<Integer> shape) {
    if (Shapes.size(shape(node)) != Shapes.size(shape)) {
      throw refuse("shape " + shape(node) + " cannot become " + shape);
    }
    return shape(node).equals(shape) ? node : add(new Reshape(shape), node);
  }

  /** A function of PyTorch's on given operands. */
  Argument torch(String function, Argument... operands) {
    return torch(function, Map.of(), operands);
  }

  Argument torch(String function, Map<String, Argument> named, Argument... operands) {
    return torch().function(function, List.of(operands), named);
  }

  TorchOperators torch() {
    return new TorchOperators(builder, NodeContext.DEFAULT, name(), operator());
  }

  Optional<Op> operatorOf(Argument argument) {
    return argument instanceof Argument.TensorValue value
            && !(builder.node(value.node()).op() instanceof Constant)
        ? Optional.of(builder.node(value.node()).op())
        : Optional.empty();
  }

  static Argument number(double value) {
    return new Argument.Number(value, value == Math.rint(value));
  }

  static Argument integers(Iterable<Integer> values) {
    List<Argument> numbers = new ArrayList<>();
    values.forEach(value -> numbers.add(new Argument.Number(value, true)));
    return Argument.Several.of(numbers);
  }
}
