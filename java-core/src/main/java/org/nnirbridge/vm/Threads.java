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

  /** The options with a number of threads: that given, else what the largest model is worth. */
  static VmOptions chosen(VmOptions options, Program program) {
    if (options.threads() > 0) {
      return options;
    }
    long products =
        program.models().stream().mapToLong(Threads::weightBlocks).max().orElse(0)
            * program.config().blockSize()
            * program.config().blockSize()
            * options.streams();
    int processors = Runtime.getRuntime().availableProcessors();
    long paying = Math.max(1, products / PRODUCTS_PER_THREAD);
    int threads = (int) Math.min(paying, Math.min(MOST, processors));
    return new VmOptions(options.mode(), threads, options.streams());
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
