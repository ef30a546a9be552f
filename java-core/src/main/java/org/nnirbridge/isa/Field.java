package org.nnirbridge.isa;

/** What an instruction's field holds. */
public enum Field {
  /** An address that is written. */
  TARGET,
  /** An address that is read. */
  SOURCE,
  /** An index of a weight block. */
  WEIGHT,
  /** An address that is read, plus one; zero for none. */
  ADDEND,
  /** How many blocks, one after another. */
  COUNT,
  /** How many lanes of the last block count. */
  LANES,
  /** A lane of the target. */
  TARGET_LANE,
  /** A lane of the source. */
  SOURCE_LANE,
  /** An index of an input. */
  INPUT,
  /** An index of an output. */
  OUTPUT,
  /** A word of an input or output. */
  WORD,
  /** An index of a core. */
  CORE,
  /** A bit for each core. */
  CORES,
  /** An index of a pair of clamp bounds, plus one; zero for none. */
  CLAMP,
  /** The place of a UnaryFunction constant. */
  UNARY,
  /** The place of a BinaryFunction constant. */
  BINARY,
  /** The place of a NumberFormat constant. */
  FORMAT
}
