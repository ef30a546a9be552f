package org.nnirbridge.tile;

import java.util.List;
import org.nnirbridge.numerics.NumberFormat;

/**
 * One block of values: what makes it and how it is kept.
 *
 * @param lanes how many of its values count; the rest is padding that nothing reads
 * @param group tiles of one group lie side by side in a store, in the order of their ids
 * @param layer the place in the graph of the operator that it belongs to
 * @param cores the cores that may make it; empty means all
 */
public record Tile(
    int id, TileOp op, NumberFormat format, int lanes, int group, int layer, List<Integer> cores) {}
