package org.nnirbridge.frontend.onnx;

import java.util.List;
import java.util.Optional;
import org.nnirbridge.frontend.fx.Argument;
import org.nnirbridge.frontend.onnx.proto.Onnx.AttributeProto;
import org.nnirbridge.frontend.onnx.proto.Onnx.TensorProto.DataType;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;

/** ONNX's constants, what is asked of shapes, and changes of type. */
final class OnnxConstants {
  private OnnxConstants() {}

  static Argument shape(OnnxNode node) {
    List<Integer> shape = node.shape(node.tensor(0));
    int rank = shape.size();
    int start = OnnxShapes.bound(node.integer("start", 0), rank);
    int end = OnnxShapes.bound(node.integer("end", rank), rank);
    return vector(node, shape.subList(start, Math.max(start, end)));
  }

  static Argument size(OnnxNode node) {
    float size = Shapes.size(node.shape(node.tensor(0)));
    return node.constantResult(new Tensor(List.of(), new float[] {size}));
  }

  private static Argument vector(OnnxNode node, List<Integer> integers) {
    float[] values = new float[integers.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = integers.get(i);
    }
    return node.constantResult(new Tensor(List.of(values.length), values));
  }

  static Argument constant(OnnxNode node) {
    AttributeProto value =
        node.proto().getAttributeList().stream()
            .filter(attribute -> attribute.getName().startsWith("value"))
            .findFirst()
            .orElseThrow(() -> node.refuse("it has no value"));
    Tensor tensor =
        switch (value.getName()) {
          case "value" -> node.values().read(value.getT());
          case "value_float" -> scalar(value.getF());
          case "value_int" -> scalar(value.getI());
          case "value_floats" -> floats(value.getFloatsList());
          case "value_ints" -> floats(value.getIntsList());
          default -> throw node.refuse("its " + value.getName() + " is not supported");
        };
    node.values().putConstant(node.proto().getOutput(0), tensor);
    return Argument.Several.of(List.of());
  }

  private static Tensor scalar(float value) {
    return new Tensor(List.of(), new float[] {value});
  }

  private static Tensor floats(List<? extends Number> given) {
    float[] values = new float[given.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = given.get(i).floatValue();
    }
    return new Tensor(List.of(values.length), values);
  }

  static Argument constantOfShape(OnnxNode node) {
    float value =
        node.attribute("value")
            .map(given -> node.values().read(given.getT()).values()[0])
            .orElse(0f);
    return node.constantResult(Tensor.filled(node.integers(0, "shape"), value));
  }

  static Argument range(OnnxNode node) {
    float start = node.number(0, "start").orElse(0f);
    float limit = node.number(1, "limit").orElse(0f);
    float delta = node.number(2, "delta").orElse(1f);
    int count = (int) Math.max(0, Math.ceil(((double) limit - start) / delta));
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = start + i * delta;
    }
    return node.constantResult(new Tensor(List.of(count), values));
  }

  /** Constants may become integers; at run time all values are numbers of one kind. */
  static Argument cast(OnnxNode node) {
    int to = node.operator().equals("Cast") ? node.integer("to", 1) : typeOf(node, 1);
    Optional<Tensor> constant = node.constant(0);
    boolean toInteger = OnnxTensors.isInteger(to);
    if (constant.isPresent() && toInteger) {
      float[] values = constant.get().values().clone();
      for (int i = 0; i < values.length; i++) {
        values[i] = to == DataType.BOOL_VALUE ? values[i] != 0f ? 1f : 0f : (long) values[i];
      }
      return node.constantResult(new Tensor(constant.get().shape(), values));
    }
    if (to == DataType.BOOL_VALUE) {
      return OnnxLogic.nonZero(node);
    }
    if (constant.isEmpty() && to != DataType.FLOAT_VALUE && to != DataType.DOUBLE_VALUE) {
      throw node.refuse(
          "a cast to %s is not supported; keep float32 in the model"
              .formatted(DataType.forNumber(to)));
    }
    if (node.argument(0) instanceof Argument.MaskValue mask) {
      return node.torch("where", mask, OnnxNode.number(1), OnnxNode.number(0));
    }
    return node.argument(0);
  }

  /** The type of an operand, as far as it matters. */
  private static int typeOf(OnnxNode node, int input) {
    if (node.argument(input) instanceof Argument.MaskValue) {
      return DataType.BOOL_VALUE;
    }
    boolean integer = node.values().isInteger(node.inputName(input));
    return integer ? DataType.INT64_VALUE : DataType.FLOAT_VALUE;
  }
}
