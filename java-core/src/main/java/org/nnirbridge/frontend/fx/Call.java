package org.nnirbridge.frontend.fx;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.GraphBuilder;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.Binary;
import org.nnirbridge.nnir.op.Broadcast;
import org.nnirbridge.nnir.op.Constant;
import org.nnirbridge.nnir.op.Op;
import org.nnirbridge.nnir.op.Reshape;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;

/**
 * A call in the traced graph on its way into NNIR: its arguments, and how to add what it becomes.
 *
 * @param name the name of the node in the traced graph
 * @param target the function, method or module class
 * @param exact whether every operator computes in float32, which only some do for a model
 */
record Call(
    GraphBuilder builder,
    NodeContext context,
    String name,
    String target,
    List<Argument> args,
    Map<String, Argument> kwargs,
    boolean exact) {
  Call(
      GraphBuilder builder,
      NodeContext context,
      String name,
      String target,
      List<Argument> args,
      Map<String, Argument> kwargs) {
    this(builder, context, name, target, args, kwargs, false);
  }

  /** The same call with other arguments. */
  Call with(List<Argument> newArgs, Map<String, Argument> newKwargs) {
    return new Call(builder, context, name, target, newArgs, newKwargs, exact);
  }

  UnsupportedModel refuse(String why) {
    return new UnsupportedModel(name + " (" + target + "): " + why);
  }

  /** An argument by position or name; empty when it is not given. */
  Optional<Argument> argument(int position, String keyword) {
    if (position >= 0 && position < args.size()) {
      return Optional.of(args.get(position));
    }
    return Optional.ofNullable(kwargs.get(keyword));
  }

  Argument required(int position, String keyword) {
    return argument(position, keyword)
        .orElseThrow(() -> refuse("the argument " + keyword + " is missing"));
  }

  int tensor(int position, String keyword) {
    return tensor(required(position, keyword), keyword);
  }

  /** A tensor, or a number as a constant of rank 0. */
  int tensor(Argument argument, String keyword) {
    if (argument instanceof Argument.TensorValue value) {
      return value.node();
    }
    if (argument instanceof Argument.Number number) {
      return scalar(name + "_" + keyword, (float) number.value());
    }
    if (argument instanceof Argument.MaskValue mask) {
      if (constant(mask.node()).isPresent()) {
        return mask.node();
      }
      throw refuse(
          "the argument "
              + keyword
              + " is a comparison, which can only be the condition of where; choose between 1 and"
              + " 0 with torch.where to compute with it");
    }
    throw refuse("the argument " + keyword + " must be a tensor or a number");
  }

  List<Integer> tensors(int position, String keyword) {
    if (required(position, keyword) instanceof Argument.Several several) {
      return several.all().stream().map(item -> tensor(item, keyword)).toList();
    }
    throw refuse("the argument " + keyword + " must be a sequence of tensors");
  }

  int integer(int position, String keyword) {
    return integer(required(position, keyword), keyword);
  }

  int integer(int position, String keyword, int otherwise) {
    return argument(position, keyword)
        .filter(argument -> !(argument instanceof Argument.None))
        .map(argument -> integer(argument, keyword))
        .orElse(otherwise);
  }

  private int integer(Argument argument, String keyword) {
    if (argument instanceof Argument.Number number && number.isInteger()) {
      return (int) number.value();
    }
    throw refuse("the argument " + keyword + " must be an integer known while tracing");
  }

  /**
   * An integer, also when it is given as a sequence of one; empty for None and an empty sequence.
   */
  Optional<Integer> single(int position, String keyword) {
    return argument(position, keyword)
        .filter(given -> !(given instanceof Argument.None))
        .map(given -> integers(given, keyword))
        .flatMap(values -> values.stream().findFirst());
  }

  /** A tensor that must be known while compiling; empty for None. */
  Optional<Tensor> constantArgument(int position, String keyword, String wayOut) {
    return argument(position, keyword)
        .filter(given -> !(given instanceof Argument.None))
        .map(
            given ->
                constant(tensor(given, keyword))
                    .orElseThrow(
                        () -> refuse("its " + keyword + " is computed at run time; " + wayOut)));
  }

  float number(int position, String keyword, float otherwise) {
    Argument argument = argument(position, keyword).orElse(new Argument.None());
    if (argument instanceof Argument.None) {
      return otherwise;
    }
    if (argument instanceof Argument.Number number) {
      return (float) number.value();
    }
    throw refuse("the argument " + keyword + " must be a number known while tracing");
  }

  boolean flag(int position, String keyword, boolean otherwise) {
    return argument(position, keyword).orElse(new Argument.None()) instanceof Argument.Bool flag
        ? flag.value()
        : otherwise;
  }

  /** Integers given as one sequence or one after another from a position on. */
  List<Integer> integers(int position, String keyword) {
    List<Argument> given = new ArrayList<>();
    if (position < args.size()) {
      given.addAll(args.subList(position, args.size()));
    } else {
      given.add(required(position, keyword));
    }
    return given.size() == 1
        ? integers(given.get(0), keyword)
        : given.stream().map(item -> integer(item, keyword)).toList();
  }

  /** One integer, or a sequence of them. */
  List<Integer> integers(Argument argument, String keyword) {
    List<Argument> items =
        argument instanceof Argument.Several several ? several.all() : List.of(argument);
    return items.stream().map(item -> integer(item, keyword)).toList();
  }

  List<Integer> shape(int node) {
    return builder.type(node).shape();
  }

  /** An axis counted from the front; negative ones count from the end. */
  int axis(int axis, int rank) {
    if (axis < -rank || axis >= rank) {
      throw refuse("there is no axis " + axis + " among " + rank);
    }
    return axis < 0 ? axis + rank : axis;
  }

  int add(Op op, Integer... operands) {
    return add(op, List.of(operands));
  }

  int add(Op op, List<Integer> operands) {
    NodeContext own = exact || op.hasFloat32() ? context : context.withFormat(NumberFormat.BF16);
    return builder.add(name, op, own, operands);
  }

  Argument result(Op op, Integer... operands) {
    return new Argument.TensorValue(add(op, operands));
  }

  Argument result(Op op, List<Integer> operands) {
    return new Argument.TensorValue(add(op, operands));
  }

  /** A function of two tensors, broadcast to their common shape. */
  int binary(BinaryFunction function, int a, int b) {
    List<Integer> shape = commonShape(shape(a), shape(b));
    return add(new Binary(function), broadcast(a, shape), broadcast(b, shape));
  }

  /** A tensor times a number. */
  int scaled(int node, float factor) {
    return binary(BinaryFunction.MUL, node, scalar(factor));
  }

  /** A number as a constant of rank 0. */
  int scalar(float value) {
    return scalar(name + "_constant", value);
  }

  private int scalar(String constantName, float value) {
    return builder.constant(constantName, new Tensor(List.of(), new float[] {value}));
  }

  /** The same call, whose operators compute in float32. */
  Call inFloat32() {
    NodeContext float32 = context.withFormat(NumberFormat.FP32);
    return new Call(builder, float32, name, target, args, kwargs, true);
  }

  /** The same call, whose results are BF16 also within Fp32Activations. */
  Call inBf16() {
    NodeContext bf16 = context.withFormat(NumberFormat.BF16);
    return new Call(builder, bf16, name, target, args, kwargs, false);
  }

  /** Refuses a type, given as a torch.dtype or by its name, that is not float32. */
  void refuseOtherType(Optional<Argument> argument) {
    String type =
        argument.orElse(new Argument.None()) instanceof Argument.Dtype dtype
            ? dtype.name()
            : argument.orElse(new Argument.None()) instanceof Argument.Text text
                    && text.value().startsWith("torch.")
                ? text.value()
                : "float32";
    if (!type.equals("float32") && !type.equals("torch.FloatTensor")) {
      throw refuse("tensors of type " + type + " are not supported; keep float32 in the model");
    }
  }

  int reshape(int node, List<Integer> newShape) {
    return shape(node).equals(newShape) ? node : add(new Reshape(newShape), node);
  }

  /** A tensor with as many axes as the shape, and then that shape. */
  int broadcast(int node, List<Integer> target) {
    List<Integer> padded = new ArrayList<>(shape(node));
    while (padded.size() < target.size()) {
      padded.add(0, 1);
    }
    int reshaped = reshape(node, padded);
    return padded.equals(target) ? reshaped : add(new Broadcast(target), reshaped);
  }

  /** The shape to which tensors are broadcast together. */
  List<Integer> commonShape(List<Integer> a, List<Integer> b) {
    int rank = Math.max(a.size(), b.size());
    List<Integer> common = new ArrayList<>();
    for (int axis = 0; axis < rank; axis++) {
      int extentA = axis < rank - a.size() ? 1 : a.get(axis - rank + a.size());
      int extentB = axis < rank - b.size() ? 1 : b.get(axis - rank + b.size());
      if (extentA != extentB && extentA != 1 && extentB != 1) {
        throw refuse("shapes " + a + " and " + b + " cannot be broadcast together");
      }
      common.add(extentA == 1 ? extentB : extentA);
    }
    return common;
  }

  /** The value of a node that is a constant. */
  Optional<Tensor> constant(int node) {
    return builder.node(node).op() instanceof Constant constant
        ? Optional.of(constant.tensor())
        : Optional.empty();
  }

  /** A shape with one extent of -1 replaced by what is left. */
  List<Integer> completeShape(List<Integer> shape, int size) {
    int known = 1;
    for (int extent : shape) {
      known *= extent == -1 ? 1 : extent;
    }
    if (!shape.contains(-1)) {
      return shape;
    }
    if (known == 0 || size % known != 0) {
      throw refuse(size + " values cannot become " + shape);
    }
    return Shapes.with(shape, shape.indexOf(-1), size / known);
  }
}
