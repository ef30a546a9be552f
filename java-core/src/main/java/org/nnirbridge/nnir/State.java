package org.nnirbridge.nnir;

/**
 * A value that lives from one inference to the next: the last {@code depth} results of a node.
 *
 * @param type the type of one entry
 * @param depth how many past entries can be read (ages 1 to depth)
 * @param initial what every entry holds before the first inference, of the shape of one entry
 * @param source the node whose result becomes the entry of age 1 when an inference ends
 */
public record State(String name, TensorType type, int depth, Tensor initial, int source) {}
