package org.nnirbridge.vm;

/** How a virtual machine computes. */
public enum VmMode {
  /** As numerics.md says: BF16 values, float32 sums. */
  BIT_ACCURATE,
  /** The same operations on float32 values and weights, nothing rounded to BF16. */
  FLOAT32,
  /** Only moves values: outputs that must be computed are zero. */
  NO_COMPUTE
}
