package org.nnirbridge.frontend.fx;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.IndexSelect;
import org.nnirbridge.nnir.op.Slice;

/** {@code x[...]} with integers, slices, None and Ellipsis; also the items of a tuple. */
final class Indexing {
  private Indexing() {}

  static Argument getItem(Call call) {
    Argument indexed = call.args().get(0);
    Argument index = call.args().get(1);
    if (indexed instanceof Argument.Several several) {
      return item(call, several, index);
    }
    List<Argument> indices =
        index instanceof Argument.Several several && !several.isList()
            ? several.all()
            : List.of(index);
    refuseSeparatedPositions(call, indices);
    return new Argument.TensorValue(index(call, call.tensor(indexed, "input"), indices));
  }

  private static Argument item(Call call, Argument.Several several, Argument index) {
    int size = several.items().size();
    if (index instanceof Argument.Number number && number.isInteger()) {
      return several.items().get(call.axis((int) number.value(), size)).get();
    }
    throw call.refuse("a tuple can be indexed by an integer only");
  }

  private static int index(Call call, int input, List<Argument> indices) {
    long consumed =
        indices.stream()
            .filter(i -> !(i instanceof Argument.None || i instanceof Argument.Ellipsis))
            .count();
    int result = input;
    int axis = 0;
    for (Argument index : indices) {
      if (index instanceof Argument.Ellipsis) {
        axis += call.shape(input).size() - (int) consumed;
      } else if (index instanceof Argument.None) {
        List<Integer> shape = new ArrayList<>(call.shape(result));
        shape.add(axis, 1);
        result = call.reshape(result, shape);
        axis++;
      } else if (index instanceof Argument.SliceOf slice) {
        result = slice(call, result, call.axis(axis, call.shape(result).size()), slice);
        axis++;
      } else if (index instanceof Argument.Number number && number.isInteger()) {
        result =
            selectOne(
                call, result, call.axis(axis, call.shape(result).size()), (int) number.value());
      } else {
        int along = call.axis(axis, call.shape(result).size());
        result = call.add(new IndexSelect(along, positions(call, index, result, along)), result);
        axis++;
      }
    }
    return result;
  }

  /** A list of integers, or a constant tensor of one axis. */
  private static List<Integer> positions(Call call, Argument index, int input, int axis) {
    List<Integer> given;
    if (index instanceof Argument.Several several
        && several.all().stream().allMatch(item -> item instanceof Argument.Number)) {
      given = call.integers(index, "index");
    } else {
      Optional<Tensor> constant =
          index instanceof Argument.TensorValue tensor
              ? call.constant(tensor.node()).filter(t -> t.shape().size() == 1)
              : Optional.empty();
      given = new ArrayList<>();
      for (float position : constant.orElseThrow(() -> notAnIndex(call)).values()) {
        given.add((int) position);
      }
    }
    int extent = call.shape(input).get(axis);
    return given.stream().map(position -> position < 0 ? position + extent : position).toList();
  }

  private static UnsupportedModel notAnIndex(Call call) {
    return call.refuse(
        "an index must be an integer, a slice, None, ..., a list of integers or a constant tensor"
            + " of them with one axis; choose values by a comparison with torch.where");
  }

  /** PyTorch moves axes where lists and integers are apart, or takes pairs where lists are two. */
  private static void refuseSeparatedPositions(Call call, List<Argument> indices) {
    List<Integer> picked = new ArrayList<>();
    boolean lists = false;
    boolean twoLists = false;
    for (int i = 0; i < indices.size(); i++) {
      boolean isList =
          indices.get(i) instanceof Argument.Several
              || indices.get(i) instanceof Argument.TensorValue;
      twoLists |= lists && isList;
      lists |= isList;
      if (isList || indices.get(i) instanceof Argument.Number) {
        picked.add(i);
      }
    }
    boolean apart = lists && picked.get(picked.size() - 1) - picked.get(0) != picked.size() - 1;
    if (twoLists || apart) {
      throw call.refuse(
          "lists of positions on two axes, or apart from an integer, are not supported; index one"
              + " axis after the other");
    }
  }

  static int selectOne(Call call, int input, int axis, int index) {
    int extent = call.shape(input).get(axis);
    if (index < -extent || index >= extent) {
      throw call.refuse("index " + index + " is outside of axis " + axis + " of " + extent);
    }
    int start = index < 0 ? index + extent : index;
    int one = call.add(new Slice(axis, start, 1, 1), input);
    return call.reshape(one, Shapes.without(call.shape(one), axis));
  }

  private static int slice(Call call, int input, int axis, Argument.SliceOf slice) {
    int extent = call.shape(input).get(axis);
    int step = bound(call, slice.step(), 1);
    if (step < 1) {
      throw call.refuse("a slice's step must be positive, not " + step);
    }
    int start = clip(bound(call, slice.start(), 0), extent);
    int stop = clip(bound(call, slice.stop(), extent), extent);
    int length = Math.max(0, (stop - start + step - 1) / step);
    if (length == 0) {
      throw call.refuse("the slice of axis " + axis + " is empty");
    }
    boolean whole = start == 0 && step == 1 && length == extent;
    return whole ? input : call.add(new Slice(axis, start, step, length), input);
  }

  private static int bound(Call call, Argument bound, int otherwise) {
    if (bound instanceof Argument.None) {
      return otherwise;
    }
    if (bound instanceof Argument.Number number && number.isInteger()) {
      return (int) Math.max(Math.min(number.value(), Integer.MAX_VALUE), -Integer.MAX_VALUE);
    }
    throw call.refuse("a slice's bounds must be integers known while tracing");
  }

  private static int clip(int bound, int extent) {
    int fromFront = bound < 0 ? bound + extent : bound;
    return Math.min(Math.max(fromFront, 0), extent);
  }
}
