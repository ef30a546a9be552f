package org.nnirbridge.api;

import java.util.List;
import java.util.OptionalInt;

/**
 * An input or output of a model.
 *
 * @param name its name in the traced model
 * @param shape the extent of each axis, one time step of it for a streaming model; values are in
 *     row-major order
 * @param isFloat32 whether it crosses to the machine in float32, else in BF16
 * @param streamingDim the time axis of the whole sequence, where the model streams it
 */
public record Port(String name, List<Integer> shape, boolean isFloat32, OptionalInt streamingDim) {
  /**
   * Makes the list of extents unmodifiable.
   *
   * @param name see above
   * @param shape see above
   * @param isFloat32 see above
   * @param streamingDim see above
   */
  public Port {
    shape = List.copyOf(shape);
  }

  /**
   * The number of values.
   *
   * @return the product of the extents
   */
  public int size() {
    return shape.stream().reduce(1, Math::multiplyExact);
  }
}
