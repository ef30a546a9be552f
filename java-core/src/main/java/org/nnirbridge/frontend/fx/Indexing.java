package org.nnirbridge.frontend.fx;

import java.util.ArrayList;
import java.util.List;
import org.nnirbridge.nnir.Shapes;
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
        index instanceof Argument.Several several ? several.all() : List.of(index);
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
            .filter(i -> i instanceof Argument.Number || i instanceof Argument.SliceOf)
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
        throw call.refuse(
            "an index must be an integer, a slice, None or ...; for a list of positions use"
                + " index_select");
      }
    }
    return result;
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
