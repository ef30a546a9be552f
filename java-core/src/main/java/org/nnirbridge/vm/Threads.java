package org.nnirbridge.vm;

import org.nnirbridge.isa.Instruction;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.program.CoreCode;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Program;

/** Chooses how many threads share an inference. */
final class Threads {
  /** Products that one thread does before a second one pays, by measurement. */
  private static final long PRODUCTS_PER_THREAD = 2_000_000;

  private static final int MOST = 4;

  private Threads() {}

  /** How many threads are worth their while for the largest model of a program. */
  static int thatPay(Program program, int streams) {
    long products =
        program.models().stream().mapToLong(Threads::weightBlocks).max().orElse(0)
            * program.config().blockSize()
            * program.config().blockSize()
            * streams;
    int processors = Runtime.getRuntime().availableProcessors();
    long paying = Math.max(1, products / PRODUCTS_PER_THREAD);
    return (int) Math.min(paying, Math.min(MOST, processors));
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
