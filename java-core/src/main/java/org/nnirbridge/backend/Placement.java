package org.nnirbridge.backend;

import java.util.List;

/**
 * The core that makes each tile.
 *
 * @param cores by tile id; {@link #ANYWHERE} for inputs, constants and states
 */
record Placement(List<Integer> cores) {
  /** Not made by one core: at hand wherever it is read. */
  static final int ANYWHERE = -1;

  Placement {
    cores = List.copyOf(cores);
  }

  int core(int tile) {
    return cores.get(tile);
  }
}
