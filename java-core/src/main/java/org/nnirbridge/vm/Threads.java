package org.nnirbridge.vm;

import org.nnirbridge.isa.Instruction;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.program.CoreCode;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Program;
import org.nnirbridge.vm.plan.ModelPlan;

/** Chooses how many threads share an inference. */
final class Threads {
  /** Products that one thread does before a second one pays, whatever comes between inferences. */
  private static final long PRODUCTS_PER_THREAD = 2_000_000;

  /** The same where inferences follow each other at once, so that no thread has to be woken. */
  private static final long PRODUCTS_PER_BUSY_THREAD = 400_000;

  /** From that many on a thread makes good use of the weights that it reads for its streams. */
  private static final int STREAMS_PER_THREAD = 4;

  /** Less than this is not worth waking another thread. */
  private static final long LEAST_NANOSECONDS_TO_SHARE = 20_000;

  private static final int MOST = 4;

  private Threads() {}

  /** How many threads are worth their while for the largest model of a program. */
  static int thatPay(Program program, int streams) {
    int most = Math.min(MOST, Runtime.getRuntime().availableProcessors());
    return shared(most, program, streams, PRODUCTS_PER_THREAD);
  }

  /**
   * How many of the threads that were asked for share an inference: fewer where they would take the
   * processor of who waits for it, and the work is too little for that.
   */
  static int ofAsked(int threads, Program program, int streams) {
    return crowd(threads) ? shared(threads, program, streams, PRODUCTS_PER_BUSY_THREAD) : threads;
  }

  /** Whether each thread has streams of its own, or all share the work of each stream. */
  static boolean haveOwnStreams(VmOptions options) {
    return options.streams() >= STREAMS_PER_THREAD * options.threads();
  }

  /** How many threads have streams of their own: one where all share the work, or it is little. */
  static int withOwnStreams(VmOptions options, ModelPlan plan) {
    boolean pays = plan.nanoseconds() * options.streams() >= LEAST_NANOSECONDS_TO_SHARE;
    return haveOwnStreams(options) && pays ? options.threads() : 1;
  }

  /** Whether threads that share an inference and who waits for it are more than the processors. */
  static boolean crowd(int threads) {
    return threads > 1 && threads >= Runtime.getRuntime().availableProcessors();
  }

  /** As many of the threads as have that many products each in the largest model of a program. */
  private static int shared(int threads, Program program, int streams, long productsPerThread) {
    long products =
        program.models().stream().mapToLong(Threads::weightBlocks).max().orElse(0)
            * program.config().blockSize()
            * program.config().blockSize()
            * streams;
    return (int) Math.min(Math.max(1, products / productsPerThread), threads);
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
