package org.nnirbridge.nnir;

import java.util.List;
import org.nnirbridge.numerics.NumberFormat;

/** What is known of a run-time tensor before it is computed: its shape and its number format. */
public record TensorType(List<Integer> shape, NumberFormat format) {
  public TensorType {
    shape = List.copyOf(shape);
  }

  public int rank() {
    return shape.size();
  }

  public TensorType withShape(List<Integer> newShape) {
    return new TensorType(newShape, format);
  }

  public TensorType withFormat(NumberFormat newFormat) {
    return newFormat == format ? this : new TensorType(shape, newFormat);
  }
}
