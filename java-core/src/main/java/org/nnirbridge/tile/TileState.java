package org.nnirbridge.tile;

import java.util.List;
import org.nnirbridge.numerics.NumberFormat;

/**
 * A state in tiles.
 *
 * @param depth how many past entries can be read
 * @param initial for each tile of an entry what it holds before the first inference
 * @param sources for each tile of an entry the tile that becomes the entry of age 1
 */
public record TileState(
    String name, NumberFormat format, int depth, List<float[]> initial, List<Integer> sources) {}
