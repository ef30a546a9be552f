package org.nnirbridge.vm;

import java.util.List;
import java.util.stream.IntStream;

/**
 * Some of a machine's streams, which follow each other.
 *
 * @param first the number of the first of them
 * @param count how many they are
 * @param all how many streams the machine has
 */
record StreamRange(int first, int count, int all) {
  /** The place of one of the range among those of all streams at all steps. */
  int place(int step, int stream) {
    return step * all + first + stream;
  }

  /** All streams in as many ranges of about the same size. */
  static List<StreamRange> shared(int streams, int ranges) {
    return IntStream.range(0, ranges)
        .mapToObj(
            range -> {
              int first = range * streams / ranges;
              return new StreamRange(first, (range + 1) * streams / ranges - first, streams);
            })
        .toList();
  }
}
