package org.nnirbridge.isa;

/**
 * A place in a window, relative to the inference that runs.
 *
 * @param window the window's index in its core
 * @param age 0 for the entry being written, 1 for the last inference's, and so on
 * @param offset blocks from the start of the entry
 */
public record Descriptor(int window, int age, int offset) {}
