package org.nnirbridge.vm.plan;

/**
 * Where a value lies.
 *
 * @param age of the entry in a ring; 1 elsewhere
 * @param offset from the start of the chunk or entry, in values
 */
record Place(Chunk chunk, int age, int offset) {
  static Place in(Chunk chunk, int offset) {
    return new Place(chunk, 1, offset);
  }

  Place plus(int values) {
    return new Place(chunk, age, offset + values);
  }
}
