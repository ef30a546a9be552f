package org.nnirbridge.isa;

import java.util.List;

/**
 * A state in a core's memory: a ring of entries, one of which is written by each inference.
 *
 * @param base the address of the first entry, in tensor RAM or cell store
 * @param entries how many there are: one more than can be read
 * @param entryBlocks blocks an entry takes
 * @param tileBlocks blocks a tile of an entry takes: 2 for FP32 in tensor RAM, else 1
 * @param initial what the tiles of every entry hold before the first inference
 */
public record Window(
    int base, int entries, int entryBlocks, int tileBlocks, List<float[]> initial) {
  public Window {
    initial = List.copyOf(initial);
  }
}
