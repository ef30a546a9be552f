package org.nnirbridge.isa;

/** The stores of a core that an address can lie in; the constant's place is its encoding. */
public enum Region {
  TENSOR,
  CELL,
  ACCUMULATOR,
  /** A state window: the index is that of a {@link Descriptor}. */
  WINDOW
}
