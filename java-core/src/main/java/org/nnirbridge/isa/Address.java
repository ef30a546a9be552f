package org.nnirbridge.isa;

/** Addresses of blocks as one int: the region in the low two bits, the index above. */
public final class Address {
  private static final int REGION_BITS = 2;
  private static final Region[] REGIONS = Region.values();

  private Address() {}

  public static int of(Region region, int index) {
    return index << REGION_BITS | region.ordinal();
  }

  public static Region region(int address) {
    return REGIONS[address & (REGIONS.length - 1)];
  }

  public static int index(int address) {
    return address >>> REGION_BITS;
  }

  /** The address in words: {@code t12}, {@code c3}, {@code a0}, {@code w5}. */
  public static String print(int address) {
    return switch (region(address)) {
      case TENSOR -> "t" + index(address);
      case CELL -> "c" + index(address);
      case ACCUMULATOR -> "a" + index(address);
      case WINDOW -> "w" + index(address);
    };
  }
}
