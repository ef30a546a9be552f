package org.nnirbridge.vm.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.nnirbridge.numerics.Bf16;
import org.nnirbridge.numerics.Fp8E4M3;
import org.nnirbridge.program.CoreImage;
import org.nnirbridge.vm.kernel.Packing;

/**
 * The weights of tiles in the order in which they are used; tiles with the same weights share them.
 *
 * <p>For a bit-accurate machine they are packed, {@code [packing.word(input)][lane]}: tiles of FP8
 * weights in quads, where these can hold them, all others as pairs of BF16. For a float32 machine
 * they are {@code [input][lane]}.
 */
final class PackedWeights {
  /**
   * Where the first weights are: the first value of a Java array comes 16 bytes after its start,
   * and these 64. A vector that lies on two cache lines takes twice as long to load.
   */
  static final int START = 12;

  /**
   * Arrays of this length and more start on a cache line where the G1 collector has regions of 1
   * MiB, since it gives them regions of their own.
   */
  private static final int LEAST_LENGTH = 1 << 17;

  /** For each FP8 value, by its bits. */
  private static final boolean[] HELD_BY_QUADS = new boolean[1 << Byte.SIZE];

  static {
    for (int bits = 0; bits < HELD_BY_QUADS.length; bits++) {
      HELD_BY_QUADS[bits] = Packing.QUADS.holds(Fp8E4M3.decode((byte) bits));
    }
  }

  private final boolean bf16;
  private final int blockSize;
  private final List<CoreImage> images;
  private final Map<Tile.Weights, Packed> tiles = new HashMap<>();
  private final List<Runnable> fills = new ArrayList<>();
  private int size = START;
  private int[] words = new int[0];
  private float[] floats = new float[0];

  /**
   * Where a tile's weights start.
   *
   * @param packing how a bit-accurate machine has them
   */
  record Packed(int offset, Packing packing) {}

  PackedWeights(List<CoreImage> images, int blockSize, boolean bf16) {
    this.images = images;
    this.blockSize = blockSize;
    this.bf16 = bf16;
  }

  /** Gives the weights of a tile a place, or the one that the same weights have. */
  Packed add(Tile tile) {
    Tile.Weights key = tile.weights();
    Packed known = tiles.get(key);
    if (known != null) {
      return known;
    }
    boolean small = key.rows().stream().flatMap(List::stream).allMatch(this::isSmall);
    Packed packed = new Packed(size, small ? Packing.QUADS : Packing.PAIRS);
    int rows = bf16 ? packed.packing().words(tile.inputs()) : tile.inputs();
    size = Math.addExact(size, Math.multiplyExact(rows, tile.width()));
    tiles.put(key, packed);
    fills.add(() -> fill(key, tile.width(), packed));
    return packed;
  }

  /** Whether a block is of FP8 weights that quads hold. */
  private boolean isSmall(Sum.WeightBlock block) {
    byte[] codes = images.get(block.core()).fp8Weights();
    int length = blockSize * blockSize;
    int from = block.index() * length;
    if (from >= codes.length) {
      return false;
    }
    for (int i = from; i < from + length; i++) {
      if (!HELD_BY_QUADS[codes[i] & 0xFF]) {
        return false;
      }
    }
    return true;
  }

  /** Packs everything that was added. */
  void pack() {
    int length = size == START ? 0 : Math.max(size, LEAST_LENGTH);
    if (bf16) {
      words = new int[length];
    } else {
      floats = new float[length];
    }
    IntStream.range(0, fills.size()).parallel().forEach(i -> fills.get(i).run());
    fills.clear();
    tiles.clear();
  }

  private void fill(Tile.Weights key, int width, Packed packed) {
    for (int row = 0; row < key.rows().size(); row++) {
      int input = 0;
      for (int slice = 0; slice < key.lanes().size(); slice++) {
        Sum.WeightBlock block = key.rows().get(row).get(slice);
        CoreImage image = images.get(block.core());
        int from = block.index() * blockSize * blockSize;
        for (int k = 0; k < key.lanes().get(slice); k++, input++, from += blockSize) {
          fill(image, from, input, width, packed.packing(), packed.offset() + row * blockSize);
        }
      }
    }
  }

  private void fill(CoreImage image, int from, int input, int width, Packing packing, int to) {
    int at = to + (bf16 ? packing.word(input) : input) * width;
    for (int j = 0; j < blockSize; j++) {
      float weight = image.weight(from + j);
      if (bf16) {
        words[at + j] = packing.with(words[at + j], input, Bf16.round(weight));
      } else {
        floats[at + j] = weight;
      }
    }
  }

  int[] words() {
    return words;
  }

  float[] floats() {
    return floats;
  }
}
