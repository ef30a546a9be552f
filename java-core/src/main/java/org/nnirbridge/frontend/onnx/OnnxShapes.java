package org.nnirbridge.frontend.onnx;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.nnirbridge.frontend.fx.Argument;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.Concat;
import org.nnirbridge.nnir.op.IndexSelect;
import org.nnirbridge.nnir.op.Slice;

/** ONNX's shape operators, indexing, joining and reductions. */
final class OnnxShapes {
  private OnnxShapes() {}

  static Argument reduce(OnnxNode node, String function) {
    Optional<List<Integer>> axes =
        node.integers(1, "axes", "axes").filter(given -> !given.isEmpty());
    if (axes.isEmpty() && node.integer("noop_with_empty_axes", 0) != 0) {
      return node.argument(0);
    }
    Map<String, Argument> named = new HashMap<>();
    axes.ifPresent(given -> named.put("dim", OnnxNode.integers(given)));
    named.put("keepdim", new Argument.Bool(node.integer("keepdims", 1) != 0));
    return node.torch(function, named, node.argument(0));
  }

  static Argument cumulativeSum(OnnxNode node) {
    int input = node.tensor(0);
    int axis = node.axis(node.integers(1, "axis").get(0), node.rank(0));
    boolean reverse = node.integer("reverse", 0) != 0;
    int terms = reverse ? turned(node, input, axis) : input;
    if (node.integer("exclusive", 0) != 0) {
      terms = delayed(node, terms, axis);
    }
    Argument sums = node.torch("cumsum", new Argument.TensorValue(terms), OnnxNode.number(axis));
    return reverse
        ? new Argument.TensorValue(turned(node, ((Argument.TensorValue) sums).node(), axis))
        : sums;
  }

  private static int turned(OnnxNode node, int input, int axis) {
    int extent = node.shape(input).get(axis);
    return node.add(
        new IndexSelect(axis, IntStream.range(0, extent).mapToObj(i -> extent - 1 - i).toList()),
        input);
  }

  /** With zeros before it and its last element left out. */
  private static int delayed(OnnxNode node, int input, int axis) {
    int extent = node.shape(input).get(axis);
    Tensor zeros = Tensor.zeros(Shapes.with(node.shape(input), axis, 1));
    int first = node.builder().constant(node.name() + "_zeros", zeros);
    return extent == 1
        ? first
        : node.add(new Concat(axis), first, node.add(new Slice(axis, 0, 1, extent - 1), input));
  }

  static Argument elementOfSequence(OnnxNode node) {
    if (!(node.argument(0) instanceof Argument.Several sequence)) {
      throw node.refuse("input 0 is no sequence");
    }
    int position = node.integers(1, "position").get(0);
    return sequence.all().get(node.axis(position, sequence.items().size()));
  }

  static Argument reshape(OnnxNode node) {
    List<Integer> given = node.shape(node.tensor(0));
    List<Integer> shape = new ArrayList<>(node.integers(1, "shape"));
    for (int axis = 0; axis < shape.size() && node.integer("allowzero", 0) == 0; axis++) {
      if (shape.get(axis) == 0 && axis < given.size()) {
        shape.set(axis, given.get(axis));
      }
    }
    return node.torch("reshape", node.argument(0), OnnxNode.integers(shape));
  }

  static Argument flatten(OnnxNode node) {
    List<Integer> shape = node.shape(node.tensor(0));
    int axis = node.integer("axis", 1);
    int rows = Shapes.size(shape.subList(0, axis < 0 ? axis + shape.size() : axis));
    List<Integer> matrix = List.of(rows, Shapes.size(shape) / rows);
    return node.torch("reshape", node.argument(0), OnnxNode.integers(matrix));
  }

  static Argument transpose(OnnxNode node) {
    List<Integer> reversed = new ArrayList<>(IntStream.range(0, node.rank(0)).boxed().toList());
    Collections.reverse(reversed);
    List<Integer> permutation = node.integers("perm", reversed);
    return node.torch("permute", node.argument(0), OnnxNode.integers(permutation));
  }

  static Argument squeeze(OnnxNode node) {
    return node.integers(1, "axes", "axes")
        .map(axes -> node.torch("squeeze", node.argument(0), OnnxNode.integers(axes)))
        .orElseGet(() -> node.torch("squeeze", node.argument(0)));
  }

  static Argument unsqueeze(OnnxNode node) {
    List<Integer> axes =
        node.integers(1, "axes", "axes").orElseThrow(() -> node.refuse("it has no axes"));
    int input = node.tensor(0);
    int rank = node.shape(input).size() + axes.size();
    List<Integer> shape = new ArrayList<>(node.shape(input));
    axes.stream().map(axis -> node.axis(axis, rank)).sorted().forEach(axis -> shape.add(axis, 1));
    return new Argument.TensorValue(node.reshape(input, shape));
  }

  /** To the common shape of the operand and the one that is given. */
  static Argument expand(OnnxNode node) {
    List<Integer> from = node.shape(node.tensor(0));
    List<Integer> target = new ArrayList<>(node.integers(1, "shape"));
    int added = target.size() - from.size();
    for (int axis = Math.max(added, 0); axis < target.size(); axis++) {
      if (target.get(axis) == 1) {
        target.set(axis, from.get(axis - added));
      }
    }
    for (int axis = 0; axis < -added; axis++) {
      target.add(axis, from.get(axis));
    }
    return node.torch("expand", node.argument(0), OnnxNode.integers(target));
  }

  static Argument tile(OnnxNode node) {
    return node.torch("repeat", node.argument(0), OnnxNode.integers(node.integers(1, "repeats")));
  }

  static Argument slice(OnnxNode node) {
    int rank = node.rank(0);
    List<Integer> starts = required(node, 1, "starts");
    List<Integer> ends = required(node, 2, "ends");
    List<Integer> axes =
        node.integers(3, "axes", "axes").orElse(IntStream.range(0, starts.size()).boxed().toList());
    List<Integer> steps =
        node.has(4) ? node.integers(4, "steps") : Collections.nCopies(starts.size(), 1);
    if (isEmptySlice(node, starts, ends)) {
      return emptyVector(node);
    }
    Argument result = node.argument(0);
    Argument none = new Argument.None();
    List<Argument> indices =
        new ArrayList<>(Collections.nCopies(rank, new Argument.SliceOf(none, none, none)));
    for (int i = 0; i < starts.size(); i++) {
      int axis = node.axis(axes.get(i), rank);
      if (steps.get(i) < 0) {
        result = reversed(node, result, axis, starts.get(i), ends.get(i), steps.get(i));
      } else {
        indices.set(
            axis,
            new Argument.SliceOf(
                OnnxNode.number(starts.get(i)),
                OnnxNode.number(ends.get(i)),
                OnnxNode.number(steps.get(i))));
      }
    }
    return node.torch("getitem", result, Argument.Several.of(indices));
  }

  /** Whether a vector of constants is cut to nothing, of which there can be no node. */
  private static boolean isEmptySlice(OnnxNode node, List<Integer> starts, List<Integer> ends) {
    Optional<Tensor> vector =
        node.constant(0).filter(constant -> constant.shape().size() == 1 && starts.size() == 1);
    if (vector.isEmpty()) {
      return false;
    }
    int length = vector.get().values().length;
    return bound(starts.get(0), length) >= bound(ends.get(0), length)
        && node.integers(4, "steps", "steps").orElse(List.of(1)).get(0) > 0;
  }

  private static Argument emptyVector(OnnxNode node) {
    node.values().putConstant(node.proto().getOutput(0), Tensor.zeros(List.of(0)));
    return Argument.Several.of(List.of());
  }

  /** A slice from its start down to behind its end. */
  private static Argument reversed(
      OnnxNode node, Argument input, int axis, int start, int end, int step) {
    int operand = ((Argument.TensorValue) input).node();
    int extent = node.shape(operand).get(axis);
    int first = Math.min(start < 0 ? start + extent : start, extent - 1);
    // An end of at least the extent below 0 is before the first position.
    int last = end < 0 ? Math.max((long) end + extent, -1L) < 0 ? -1 : end + extent : end;
    List<Integer> positions = new ArrayList<>();
    for (int position = first; position > last; position += step) {
      positions.add(position);
    }
    return node.result(new IndexSelect(axis, positions), operand);
  }

  private static List<Integer> required(OnnxNode node, int input, String name) {
    return node.integers(input, name, name).orElseThrow(() -> node.refuse("it has no " + name));
  }

  static Argument gather(OnnxNode node) {
    List<Integer> shape = node.shape(node.tensor(0));
    int axis = node.axis(node.integer("axis", 0), shape.size());
    Tensor given = node.requiredConstant(1, "index");
    List<Integer> indices = new ArrayList<>();
    for (float value : given.values()) {
      indices.add(node.axis((int) value, shape.get(axis)));
    }
    List<Integer> result = new ArrayList<>(shape.subList(0, axis));
    result.addAll(given.shape());
    result.addAll(shape.subList(axis + 1, shape.size()));
    int selected = node.add(new IndexSelect(axis, indices), node.tensor(0));
    return new Argument.TensorValue(node.reshape(selected, result));
  }

  static Argument split(OnnxNode node) {
    int axis = node.axis(node.integer("axis", 0), node.rank(0));
    int extent = node.shape(node.tensor(0)).get(axis);
    int parts = node.proto().getOutputCount();
    int part = (extent + parts - 1) / parts;
    Argument sizes =
        node.integers(1, "split", "split").map(OnnxNode::integers).orElse(OnnxNode.number(part));
    return node.torch("split", node.argument(0), sizes, OnnxNode.number(axis));
  }

  static Argument concat(OnnxNode node) {
    int first = node.constant(0).map(part -> part.values().length).orElse(1) == 0 ? 1 : 0;
    int axis = node.axis(node.integer("axis", 0), node.rank(first));
    // A shape may be put together from parts of which some hold nothing.
    int[] parts =
        IntStream.range(0, node.proto().getInputCount())
            .filter(i -> node.constant(i).filter(part -> part.values().length == 0).isEmpty())
            .map(node::tensor)
            .toArray();
    return parts.length == 1
        ? new Argument.TensorValue(parts[0])
        : node.result(new Concat(axis), parts);
  }

  static Argument concatSequence(OnnxNode node) {
    String function = node.integer("new_axis", 0) != 0 ? "stack" : "cat";
    return node.torch(function, node.argument(0), OnnxNode.number(node.integer("axis", 0)));
  }

  /** A bound of a slice, counted from the front and within the axis. */
  static int bound(int index, int rank) {
    return Math.max(0, Math.min(rank, index < 0 ? index + rank : index));
  }
}
