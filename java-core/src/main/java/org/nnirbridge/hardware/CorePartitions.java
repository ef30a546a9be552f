package org.nnirbridge.hardware;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Sets of the cores that may do some work; an empty one means all cores. */
public final class CorePartitions {
  private CorePartitions() {}

  /** The cores that all of several partitions hold; empty where there is none. */
  public static Optional<List<Integer>> common(List<List<Integer>> partitions) {
    List<List<Integer>> limiting = partitions.stream().filter(cores -> !cores.isEmpty()).toList();
    if (limiting.isEmpty()) {
      return Optional.of(List.of());
    }
    List<Integer> common = new ArrayList<>(limiting.get(0));
    limiting.forEach(common::retainAll);
    return common.isEmpty() ? Optional.empty() : Optional.of(common);
  }
}
