package org.nnirbridge.frontend.fx;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.Clamp;
import org.nnirbridge.nnir.op.IndexSelect;
import org.nnirbridge.nnir.op.Slice;
import org.nnirbridge.nnir.op.Transpose;
import org.nnirbridge.nnir.op.Unary;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.UnaryFunction;

/** Finds PyTorch's functions and methods by name; what most of them become. */
final class Functions {
  private static final Map<String, Function<Call, Argument>> TABLE = FunctionTable.entries();

  private Functions() {}

  /** What adds a function or method of a name; empty when it is not supported. */
  static Optional<Function<Call, Argument>> find(String name) {
    return Optional.ofNullable(TABLE.get(name));
  }

  /** The names of all functions and methods. */
  static Set<String> names() {
    return TABLE.keySet();
  }

  /** What adds a method of a name; its arguments may lie elsewhere than those of the function. */
  static Optional<Function<Call, Argument>> findMethod(String name) {
    return name.equals("where") ? Optional.of(Activations::whereMethod) : find(name);
  }

  /** Whether reading a tensor's attribute of this name is supported. */
  static boolean isAttribute(String name) {
    return name.equals("T") || name.equals("mT");
  }

  static Argument unary(Call call, UnaryFunction function) {
    return call.result(new Unary(function), call.tensor(0, "input"));
  }

  static Argument clamp(Call call, float minimum, float maximum) {
    return call.result(new Clamp(minimum, maximum), call.tensor(0, "input"));
  }

  static Argument binary(Call call, BinaryFunction function) {
    return binary(call, function, call.tensor(0, "input"), call.tensor(1, "other"));
  }

  static Argument binary(Call call, BinaryFunction function, int a, int b) {
    float alpha = call.number(-1, "alpha", 1f);
    int scaled = alpha == 1f ? b : call.scaled(b, alpha);
    return new Argument.TensorValue(call.binary(function, a, scaled));
  }

  static Argument extreme(Call call, BinaryFunction function) {
    if (!(call.argument(1, "other").orElse(new Argument.None()) instanceof Argument.TensorValue)) {
      throw call.refuse(
          "only the larger or smaller of two tensors is supported, not of one; compare its"
              + " parts with torch.maximum or torch.minimum");
    }
    return binary(call, function);
  }

  static Argument divide(Call call) {
    if (!(call.argument(-1, "rounding_mode").orElse(new Argument.None())
        instanceof Argument.None)) {
      throw call.refuse("rounding_mode is not supported; use plain division");
    }
    return binary(call, BinaryFunction.DIV);
  }

  static Argument reversedSubtract(Call call) {
    return binary(call, BinaryFunction.SUB, call.tensor(1, "other"), call.tensor(0, "input"));
  }

  static Argument transpose(Call call) {
    int input = call.tensor(0, "input");
    int rank = call.shape(input).size();
    int first = call.axis(call.integer(1, "dim0"), rank);
    int second = call.axis(call.integer(2, "dim1"), rank);
    return swap(call, input, first, second);
  }

  static Argument swap(Call call, int input, int first, int second) {
    List<Integer> permutation =
        new ArrayList<>(IntStream.range(0, call.shape(input).size()).boxed().toList());
    Collections.swap(permutation, first, second);
    return call.result(new Transpose(permutation), input);
  }

  static Argument permute(Call call) {
    int input = call.tensor(0, "input");
    int rank = call.shape(input).size();
    List<Integer> permutation =
        call.integers(1, "dims").stream().map(axis -> call.axis(axis, rank)).toList();
    return call.result(new Transpose(permutation), input);
  }

  static Argument matrixTranspose(Call call) {
    int input = call.tensor(0, "input");
    return call.shape(input).size() < 2 ? new Argument.TensorValue(input) : swap(call, input, 0, 1);
  }

  static Argument attribute(Call call) {
    int input = call.tensor(0, "input");
    int rank = call.shape(input).size();
    if (call.args().get(1).equals(new Argument.Text("mT"))) {
      return swap(call, input, call.axis(-2, rank), call.axis(-1, rank));
    }
    List<Integer> permutation = new ArrayList<>(IntStream.range(0, rank).boxed().toList());
    Collections.reverse(permutation);
    return call.result(new Transpose(permutation), input);
  }

  static Argument reshape(Call call) {
    return reshapeTo(call, call.integers(1, "shape"));
  }

  static Argument reshapeTo(Call call, List<Integer> shape) {
    int input = call.tensor(0, "input");
    int size = Shapes.size(call.shape(input));
    return new Argument.TensorValue(call.reshape(input, call.completeShape(shape, size)));
  }

  static Argument flatten(Call call) {
    return flatten(call, call.integer(1, "start_dim", 0), call.integer(2, "end_dim", -1));
  }

  static Argument flatten(Call call, int startDim, int endDim) {
    List<Integer> shape = call.shape(call.tensor(0, "input"));
    if (shape.isEmpty()) {
      return reshapeTo(call, List.of(1));
    }
    int start = call.axis(startDim, shape.size());
    int end = call.axis(endDim, shape.size());
    List<Integer> flat = new ArrayList<>(shape.subList(0, start));
    flat.add(Shapes.size(shape.subList(start, end + 1)));
    flat.addAll(shape.subList(end + 1, shape.size()));
    return reshapeTo(call, flat);
  }

  static Argument unflatten(Call call) {
    return unflatten(call, call.integer(1, "dim"), call.integers(2, "sizes"));
  }

  static Argument unflatten(Call call, int dim, List<Integer> sizes) {
    List<Integer> shape = call.shape(call.tensor(0, "input"));
    int axis = call.axis(dim, shape.size());
    List<Integer> result = new ArrayList<>(shape.subList(0, axis));
    result.addAll(call.completeShape(sizes, shape.get(axis)));
    result.addAll(shape.subList(axis + 1, shape.size()));
    return reshapeTo(call, result);
  }

  static Argument squeeze(Call call) {
    List<Integer> shape = call.shape(call.tensor(0, "input"));
    List<Integer> axes =
        call.argument(1, "dim").isPresent()
            ? call.integers(1, "dim").stream().map(dim -> call.axis(dim, shape.size())).toList()
            : IntStream.range(0, shape.size()).boxed().toList();
    List<Integer> kept = new ArrayList<>();
    for (int axis = 0; axis < shape.size(); axis++) {
      if (shape.get(axis) != 1 || !axes.contains(axis)) {
        kept.add(shape.get(axis));
      }
    }
    return reshapeTo(call, kept);
  }

  static Argument unsqueeze(Call call) {
    List<Integer> shape = new ArrayList<>(call.shape(call.tensor(0, "input")));
    shape.add(call.axis(call.integer(1, "dim"), shape.size() + 1), 1);
    return reshapeTo(call, shape);
  }

  static Argument indexSelect(Call call) {
    int input = call.tensor(0, "input");
    int axis = call.axis(call.integer(1, "dim"), call.shape(input).size());
    Tensor index =
        call.constant(call.tensor(2, "index"))
            .orElseThrow(
                () -> call.refuse("its index is computed at run time; give a constant tensor"));
    List<Integer> indices = new ArrayList<>();
    for (float position : index.values()) {
      indices.add((int) position);
    }
    return call.result(new IndexSelect(axis, indices), input);
  }

  static Argument narrow(Call call) {
    int input = call.tensor(0, "input");
    int axis = call.axis(call.integer(1, "dim"), call.shape(input).size());
    int extent = call.shape(input).get(axis);
    int start = call.integer(2, "start");
    return call.result(
        new Slice(axis, start < 0 ? start + extent : start, 1, call.integer(3, "length")), input);
  }

  static Argument select(Call call) {
    int input = call.tensor(0, "input");
    int axis = call.axis(call.integer(1, "dim"), call.shape(input).size());
    return new Argument.TensorValue(
        Indexing.selectOne(call, input, axis, call.integer(2, "index")));
  }

  static Argument chunk(Call call) {
    int input = call.tensor(0, "input");
    int axis = call.axis(call.integer(2, "dim", 0), call.shape(input).size());
    int extent = call.shape(input).get(axis);
    int chunks = call.integer(1, "chunks");
    return split(call, input, axis, Math.max(1, (extent + chunks - 1) / chunks));
  }

  static Argument split(Call call) {
    int input = call.tensor(0, "input");
    int axis = call.axis(call.integer(2, "dim", 0), call.shape(input).size());
    Argument sizes =
        call.argument(1, "split_size")
            .or(() -> call.argument(1, "split_size_or_sections"))
            .orElseThrow(() -> call.refuse("the argument split_size is missing"));
    if (sizes instanceof Argument.Number size) {
      return split(call, input, axis, (int) size.value());
    }
    List<Argument> parts = new ArrayList<>();
    int start = 0;
    for (int length : call.integers(sizes, "split_size")) {
      parts.add(call.result(new Slice(axis, start, 1, length), input));
      start += length;
    }
    return Argument.Several.of(parts);
  }

  static Argument split(Call call, int input, int axis, int size) {
    List<Argument> parts = new ArrayList<>();
    int extent = call.shape(input).get(axis);
    for (int start = 0; start < extent; start += size) {
      int length = Math.min(size, extent - start);
      parts.add(call.result(new Slice(axis, start, 1, length), input));
    }
    return Argument.Several.of(parts);
  }

  static Argument expand(Call call) {
    List<Integer> sizes = new ArrayList<>(call.integers(1, "size"));
    List<Integer> shape = call.shape(call.tensor(0, "input"));
    int added = sizes.size() - shape.size();
    for (int axis = Math.max(added, 0); axis < sizes.size(); axis++) {
      if (sizes.get(axis) == -1) {
        sizes.set(axis, shape.get(axis - added));
      }
    }
    return expandTo(call, sizes);
  }

  static Argument expandTo(Call call, List<Integer> shape) {
    return new Argument.TensorValue(call.broadcast(call.tensor(0, "input"), shape));
  }

  static Argument toType(Call call) {
    List<Argument> given = new ArrayList<>(call.args());
    given.addAll(call.kwargs().values());
    given.forEach(argument -> call.refuseOtherType(Optional.of(argument)));
    return new Argument.TensorValue(call.tensor(0, "input"));
  }

  static Argument dropout(Call call) {
    if (call.flag(2, "training", true)) {
      throw call.refuse("dropout is active; call model.eval() and pass training=self.training");
    }
    return new Argument.TensorValue(call.tensor(0, "input"));
  }
}
