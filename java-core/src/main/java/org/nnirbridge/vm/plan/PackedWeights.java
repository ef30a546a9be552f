package org.nnirbridge.vm.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.nnirbridge.numerics.Bf16;
import org.nnirbridge.program.CoreImage;

/**
 * The weights of tiles in the order in which they are used; tiles with the same weights share them.
 *
 * <p>BF16 weights are packed in pairs: {@code [input / 2][lane]}, the even input's weight in the
 * low half of each int. Float32 weights are {@code [input][lane]}.
 */
final class PackedWeights {
  private final boolean bf16;
  private final int blockSize;
  private final List<CoreImage> images;
  private final Map<Key, Integer> offsets = new HashMap<>();
  private final List<Runnable> fills = new ArrayList<>();
  private int size;
  private int[] pairs = new int[0];
  private float[] floats = new float[0];

  /** The weight blocks of each row, and how many inputs each multiplies. */
  private record Key(List<List<Sum.WeightBlock>> rows, List<Integer> lanes) {}

  PackedWeights(List<CoreImage> images, int blockSize, boolean bf16) {
    this.images = images;
    this.blockSize = blockSize;
    this.bf16 = bf16;
  }

  /** Where the weights of a tile start. */
  int add(Tile tile) {
    Key key =
        new Key(
            tile.rows().stream().map(Sum::weights).toList(),
            tile.slices().stream().map(Sum.Slice::lanes).toList());
    Integer known = offsets.get(key);
    if (known != null) {
      return known;
    }
    int offset = size;
    int rows = bf16 ? (tile.inputs() + 1) / 2 : tile.inputs();
    size = Math.addExact(size, Math.multiplyExact(rows, tile.width()));
    offsets.put(key, offset);
    fills.add(() -> fill(key, tile.width(), offset));
    return offset;
  }

  /** Packs everything that was added. */
  void pack() {
    if (bf16) {
      pairs = new int[size];
    } else {
      floats = new float[size];
    }
    IntStream.range(0, fills.size()).parallel().forEach(i -> fills.get(i).run());
    fills.clear();
    offsets.clear();
  }

  private void fill(Key key, int width, int offset) {
    for (int row = 0; row < key.rows().size(); row++) {
      int input = 0;
      for (int slice = 0; slice < key.lanes().size(); slice++) {
        Sum.WeightBlock block = key.rows().get(row).get(slice);
        CoreImage image = images.get(block.core());
        int from = block.index() * blockSize * blockSize;
        for (int k = 0; k < key.lanes().get(slice); k++, input++, from += blockSize) {
          fill(image, from, input, width, offset + row * blockSize);
        }
      }
    }
  }

  private void fill(CoreImage image, int from, int input, int width, int to) {
    if (bf16) {
      int half = input % 2 * Short.SIZE;
      int at = to + input / 2 * width;
      for (int j = 0; j < blockSize; j++) {
        int bits = Float.floatToRawIntBits(Bf16.round(image.weight(from + j))) >>> Short.SIZE;
        pairs[at + j] |= bits << half;
      }
    } else {
      int at = to + input * width;
      for (int j = 0; j < blockSize; j++) {
        floats[at + j] = image.weight(from + j);
      }
    }
  }

  int[] pairs() {
    return pairs;
  }

  float[] floats() {
    return floats;
  }
}
