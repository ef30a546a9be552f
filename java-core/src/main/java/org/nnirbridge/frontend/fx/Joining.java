package org.nnirbridge.frontend.fx;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.op.Concat;

/** PyTorch's ways to put tensors side by side, and to repeat one. */
final class Joining {
  private Joining() {}

  static Argument cat(Call call) {
    List<Integer> tensors = call.tensors(0, "tensors");
    int axis = call.axis(call.integer(1, "dim", 0), call.shape(tensors.get(0)).size());
    return call.result(new Concat(axis), tensors);
  }

  static Argument stack(Call call) {
    List<Integer> tensors = call.tensors(0, "tensors");
    int axis = call.axis(call.integer(1, "dim", 0), call.shape(tensors.get(0)).size() + 1);
    List<Integer> raised = new ArrayList<>();
    for (int tensor : tensors) {
      List<Integer> shape = new ArrayList<>(call.shape(tensor));
      shape.add(axis, 1);
      raised.add(call.reshape(tensor, shape));
    }
    return call.result(new Concat(axis), raised);
  }

  /** Along the first axis; what has fewer than two axes becomes a row. */
  static Argument vstack(Call call) {
    List<Integer> rows =
        call.tensors(0, "tensors").stream()
            .map(tensor -> withLeadingAxes(call, tensor, 2))
            .toList();
    return call.result(new Concat(0), rows);
  }

  /** Along the second axis, or the only one. */
  static Argument hstack(Call call) {
    List<Integer> tensors =
        call.tensors(0, "tensors").stream()
            .map(tensor -> withLeadingAxes(call, tensor, 1))
            .toList();
    return call.result(new Concat(call.shape(tensors.get(0)).size() == 1 ? 0 : 1), tensors);
  }

  /** Along the second axis; what has fewer than two axes becomes a column. */
  static Argument columnStack(Call call) {
    List<Integer> columns =
        call.tensors(0, "tensors").stream()
            .map(tensor -> withTrailingAxes(call, tensor, 2))
            .toList();
    return call.result(new Concat(1), columns);
  }

  /** Along the third axis; a vector becomes (1, n, 1) and a matrix (m, n, 1). */
  static Argument dstack(Call call) {
    List<Integer> raised =
        call.tensors(0, "tensors").stream()
            .map(tensor -> withTrailingAxes(call, withLeadingAxes(call, tensor, 2), 3))
            .toList();
    return call.result(new Concat(2), raised);
  }

  private static int withLeadingAxes(Call call, int tensor, int rank) {
    List<Integer> shape = new ArrayList<>(call.shape(tensor));
    while (shape.size() < rank) {
      shape.add(0, 1);
    }
    return call.reshape(tensor, shape);
  }

  private static int withTrailingAxes(Call call, int tensor, int rank) {
    List<Integer> shape = new ArrayList<>(call.shape(tensor));
    while (shape.size() < rank) {
      shape.add(1);
    }
    return call.reshape(tensor, shape);
  }

  static Argument repeat(Call call) {
    List<Integer> counts = call.integers(1, "repeats");
    int result = withLeadingAxes(call, call.tensor(0, "input"), counts.size());
    for (int axis = 0; axis < counts.size(); axis++) {
      if (counts.get(axis) != 1) {
        result = repeat(call, result, axis, counts.get(axis));
      }
    }
    return new Argument.TensorValue(result);
  }

  private static int repeat(Call call, int tensor, int axis, int count) {
    if (count < 1) {
      throw call.refuse("repeating " + count + " times leaves no values");
    }
    List<Integer> shape = call.shape(tensor);
    return shape.get(axis) == 1
        ? call.broadcast(tensor, Shapes.with(shape, axis, count))
        : call.add(new Concat(axis), Collections.nCopies(count, tensor));
  }

  static Argument broadcastTensors(Call call) {
    List<Integer> tensors =
        IntStream.range(0, call.args().size()).mapToObj(i -> call.tensor(i, "tensors")).toList();
    List<Integer> shape = List.of();
    for (int tensor : tensors) {
      shape = call.commonShape(shape, call.shape(tensor));
    }
    List<Argument> results = new ArrayList<>();
    for (int tensor : tensors) {
      results.add(new Argument.TensorValue(call.broadcast(tensor, shape)));
    }
    return Argument.Several.of(results);
  }
}
