package org.nnirbridge.nnir.op;

/** Which of the results of an LSTM a node stands for; the work is shared between them. */
public enum LstmPart {
  OUTPUT,
  HIDDEN,
  CELL
}
