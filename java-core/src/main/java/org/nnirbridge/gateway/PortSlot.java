package org.nnirbridge.gateway;

/**
 * Where the values of one input or output lie in a shared region.
 *
 * @param offset in bytes from the start of the value part, a multiple of 64
 * @param length in float32 values
 */
record PortSlot(int offset, int length) {}
