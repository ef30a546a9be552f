package org.nnirbridge.program;

/**
 * Instructions one after another that belong to one operator of the model.
 *
 * @param layer the place in {@link Model#layers}
 * @param instructions how many they are
 */
public record LayerRun(int layer, int instructions) {}
