package org.nnirbridge.vm.plan;

/**
 * A machine's memory for one model.
 *
 * @param fixed how it starts: constants, then the state before the first inference; the rest is 0
 * @param stateFrom where the state starts
 * @param size of all, in values
 */
public record MemoryImage(float[] fixed, int stateFrom, int size) {}
