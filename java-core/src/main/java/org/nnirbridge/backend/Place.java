package org.nnirbridge.backend;

import org.nnirbridge.isa.Region;

/**
 * Where a block lies in its core.
 *
 * @param index the block's index in its region, or the window's index
 * @param age in a window: the entry, 0 being the one this inference writes
 * @param offset in a window: blocks from the start of the entry
 */
record Place(Region region, int index, int age, int offset) {
  static Place in(Region region, int index) {
    return new Place(region, index, 0, 0);
  }

  static Place inWindow(int window, int age, int offset) {
    return new Place(Region.WINDOW, window, age, offset);
  }

  /** The place some blocks further. */
  Place plus(int blocks) {
    return region == Region.WINDOW
        ? new Place(region, index, age, offset + blocks)
        : new Place(region, index + blocks, age, offset);
  }
}
