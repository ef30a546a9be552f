package org.nnirbridge.tile;

/** The hidden state (BF16) and the cell state (FP32) after a step of an LSTM. */
public record LstmTiles(Vector hidden, Vector cell) {}
