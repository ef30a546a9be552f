package org.nnirbridge.api;

/**
 * What a program takes of one core, in blocks of the board's block size.
 *
 * @param weightStoreUsed weight blocks
 * @param weightStoreDepth the weight blocks that the core has
 * @param tensorRamUsed tensor blocks
 * @param tensorRamDepth the tensor blocks that the core has
 * @param clampStoreUsed pairs of clamp bounds
 * @param clampStoreDepth the pairs that the core has
 * @param instructions instructions of all models
 */
public record CoreUse(
    int weightStoreUsed,
    int weightStoreDepth,
    int tensorRamUsed,
    int tensorRamDepth,
    int clampStoreUsed,
    int clampStoreDepth,
    int instructions) {}
