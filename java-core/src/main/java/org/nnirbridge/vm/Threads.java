package org.nnirbridge.vm;

import org.nnirbridge.isa.Instruction;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.program.CoreCode;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Program;

/** Chooses how many threads share an inference. */
final class Threads {
  /** Products that one thread does before a second one pays, whatever comes between inferences. */
  private static final long PRODUCTS_PER_THREAD = 2_000_000;

  /** The same where inferences follow each other at once, so that no thread has to be woken. */
  private static final long PRODUCTS_PER_BUSY_THREAD = 400_000;

  private static final int MOST = 4;

  private Threads() {}

  /** How many threads are worth their while for the largest model of a program. */
  static int thatPay(Program program, int streams) {
    int processors = Runtime.getRuntime().availableProcessors();
    long paying = Math.max(1, products(program, streams) / PRODUCTS_PER_THREAD);
    return (int) Math.min(paying, Math.min(MOST, processors));
  }

  /**
   * How many of the threads that were asked for share an inference: fewer where they would take the
   * processor of who waits for it, and the work is too little for that.
   */
  static int ofAsked(int threads, Program program, int streams) {
    if (threads == 1 || threads < Runtime.getRuntime().availableProcessors()) {
      return threads;
    }
    long paying = Math.max(1, products(program, streams) / PRODUCTS_PER_BUSY_THREAD);
    return (int) Math.min(paying, threads);
  }

  private static long products(Program program, int streams) {
    return program.models().stream().mapToLong(Threads::weightBlocks).max().orElse(0)
        * program.config().blockSize()
        * program.config().blockSize()
        * streams;
  }

  private static long weightBlocks(Model model) {
    long blocks = 0;
    for (CoreCode code : model.code()) {
      for (Instruction instruction : code.instructions()) {
        blocks += instruction.opcode() == Opcode.MATVEC ? instruction.field(3) : 0;
      }
    }
    return blocks;
  }
}
