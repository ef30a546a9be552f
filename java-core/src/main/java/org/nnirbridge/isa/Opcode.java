package org.nnirbridge.isa;

import static org.nnirbridge.isa.Field.ADDEND;
import static org.nnirbridge.isa.Field.BINARY;
import static org.nnirbridge.isa.Field.CLAMP;
import static org.nnirbridge.isa.Field.CORE;
import static org.nnirbridge.isa.Field.CORES;
import static org.nnirbridge.isa.Field.COUNT;
import static org.nnirbridge.isa.Field.FORMAT;
import static org.nnirbridge.isa.Field.INPUT;
import static org.nnirbridge.isa.Field.LANES;
import static org.nnirbridge.isa.Field.OUTPUT;
import static org.nnirbridge.isa.Field.SOURCE;
import static org.nnirbridge.isa.Field.SOURCE_LANE;
import static org.nnirbridge.isa.Field.TARGET;
import static org.nnirbridge.isa.Field.TARGET_LANE;
import static org.nnirbridge.isa.Field.UNARY;
import static org.nnirbridge.isa.Field.WEIGHT;
import static org.nnirbridge.isa.Field.WORD;

import java.util.List;

/**
 * The instructions of a core. The place of a constant and its fields are the encoding
 * (program-format.md).
 */
public enum Opcode {
  /** Words of an input into blocks. */
  READ(TARGET, INPUT, WORD, COUNT),
  /** Blocks to words of an output. */
  WRITE(SOURCE, OUTPUT, WORD, COUNT),
  /** Blocks to the links of other cores. */
  SEND(SOURCE, COUNT, CORES, FORMAT),
  /** Blocks from the link of another core, in the order in which it sent them. */
  RECEIVE(TARGET, CORE, COUNT, FORMAT),
  /** An accumulator to zero. */
  CLEAR(TARGET),
  /** A float32 block into an accumulator. */
  LOAD(TARGET, SOURCE),
  /** Weight blocks times blocks, added to an accumulator, and then a float32 block. */
  MATVEC(TARGET, WEIGHT, SOURCE, COUNT, LANES, ADDEND),
  /** An accumulator to a block: rounded to the format, then clamped. */
  STORE(TARGET, SOURCE, FORMAT, CLAMP),
  /** A function of each lane. */
  MAP(TARGET, SOURCE, UNARY, FORMAT),
  /** A function of each lane of two blocks. */
  ZIP(TARGET, SOURCE, SOURCE, BINARY, FORMAT),
  /** Each lane clamped. */
  BOUND(TARGET, SOURCE, CLAMP, FORMAT),
  /** The first source plus the product of the others on each lane, rounded once. */
  MULTIPLY_ADD(TARGET, SOURCE, SOURCE, SOURCE, FORMAT),
  /** Lanes of a block into lanes of another, whose other lanes stay. */
  LANES_MOVE(TARGET, TARGET_LANE, SOURCE, SOURCE_LANE, LANES),
  /** An LSTM's cell state from the sums of its gates i, f, g and its cell state. */
  LSTM_CELL(TARGET, SOURCE, SOURCE, SOURCE, SOURCE),
  /** An LSTM's hidden state from the sum of its gate o and its new cell state. */
  LSTM_HIDDEN(TARGET, SOURCE, SOURCE),
  /** A function of the first source's first lane and each lane of the second; on all lanes. */
  FOLD(TARGET, SOURCE, SOURCE, BINARY, LANES, FORMAT),
  /** On each lane the second source where the first is not zero, else the third. */
  SELECT(TARGET, SOURCE, SOURCE, SOURCE, FORMAT);

  private final List<Field> fields;

  Opcode(Field... fields) {
    this.fields = List.of(fields);
  }

  /** What the fields hold, in order. */
  public List<Field> fields() {
    return fields;
  }
}
