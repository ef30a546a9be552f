package org.nnirbridge.latency;

/** When an instruction, or its next block, can start, and the event that decided it last. */
final class Start {
  private long at;
  private long boundAt;
  private int cause;

  Start(long at, int cause) {
    this.at = at;
    this.boundAt = at;
    this.cause = cause;
  }

  void notBefore(long time, int event) {
    if (time > at) {
      at = time;
      boundAt = time;
      cause = event;
    }
  }

  /** Goes on to the next block. */
  void advance(int cycles) {
    at += cycles;
  }

  /** Since when it has waited for nothing more. */
  long boundAt() {
    return boundAt;
  }

  long at() {
    return at;
  }

  int cause() {
    return cause;
  }
}
