package org.nnirbridge.latency;

import org.nnirbridge.isa.Opcode;

/** The units of a core. Each takes its instructions in order and works beside the others. */
enum Unit {
  INPUT,
  OUTPUT,
  SEND,
  RECEIVE,
  PRELOAD,
  MATRIX,
  STORE,
  VECTOR;

  static Unit of(Opcode opcode) {
    return switch (opcode) {
      case READ -> INPUT;
      case WRITE -> OUTPUT;
      case SEND -> SEND;
      case RECEIVE -> RECEIVE;
      case CLEAR, LOAD -> PRELOAD;
      case MATVEC -> MATRIX;
      case STORE -> STORE;
      case MAP, ZIP, BOUND, MULTIPLY_ADD, LANES_MOVE, LSTM_CELL, LSTM_HIDDEN, FOLD, SELECT ->
          VECTOR;
    };
  }
}
