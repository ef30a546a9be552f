package org.nnirbridge.vm.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Shares memory between chunks that are not in use at the same levels. */
final class TemporaryPlaces {
  private TemporaryPlaces() {}

  /** Gives each chunk the lowest free place from {@code start} on; returns the end of all. */
  static int settle(List<Chunk> chunks, int start) {
    List<Chunk> inOrder = new ArrayList<>(chunks);
    inOrder.sort(
        Comparator.comparingInt(Chunk::firstLevel)
            .thenComparing(Comparator.comparingInt(Chunk::size).reversed()));
    int floor = Tile.aligned(start);
    int end = floor;
    List<Chunk> inUse = new ArrayList<>();
    for (Chunk chunk : inOrder) {
      inUse.removeIf(other -> other.lastLevel() < chunk.firstLevel());
      int base = floor;
      int place = 0;
      for (; place < inUse.size(); place++) {
        Chunk other = inUse.get(place);
        if (base + Tile.aligned(chunk.size()) <= other.base()) {
          break;
        }
        base = Math.max(base, other.base() + Tile.aligned(other.size()));
      }
      chunk.setBase(base);
      inUse.add(place, chunk);
      end = Math.max(end, Math.addExact(base, Tile.aligned(chunk.size())));
    }
    return end;
  }
}
