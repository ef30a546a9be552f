package org.nnirbridge.vm;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Keeps the threads that share an inference in step: none starts a phase before all ended the last.
 */
final class Meeting {
  /** Far enough apart that threads do not share a cache line. */
  private static final int SPACING = 16;

  private static final int SPINS_BEFORE_YIELD = 2000;

  /** The same where the threads and who waits for them may have to share a processor. */
  private static final int SPINS_IN_A_CROWD = 64;

  private final Phases work;
  private final int threads;
  private final int spins;

  /** For each thread the number of phases that it has ended, over all inferences. */
  private final AtomicLongArray ended;

  private final ThreadTrial trial = new ThreadTrial();

  private volatile long before;
  private volatile Throwable failure;

  /** Work in phases, with a part for each thread. */
  interface Phases {
    int count();

    void run(int phase, int thread);
  }

  Meeting(Phases work, int threads) {
    this.work = work;
    this.threads = threads;
    this.spins = Threads.crowd(threads) ? SPINS_IN_A_CROWD : SPINS_BEFORE_YIELD;
    this.ended = new AtomicLongArray(threads * SPACING);
  }

  int threads() {
    return threads;
  }

  ThreadTrial trial() {
    return trial;
  }

  /** Does all the work on this thread. */
  void alone() {
    for (int phase = 0; phase < work.count(); phase++) {
      for (int thread = 0; thread < threads; thread++) {
        work.run(phase, thread);
      }
    }
  }

  /** Lets the other threads start; the caller then has to {@link #lead}. */
  void open() {
    before = ended.get(0);
    for (int thread = 1; thread < threads; thread++) {
      ended.set(thread * SPACING, before);
    }
    failure = null;
  }

  /** The part of the first thread; returns when all threads have ended. */
  void lead() {
    attend(0);
    await(before + work.count());
    Throwable thrown = failure;
    if (thrown instanceof Error error) {
      throw error;
    }
    if (thrown instanceof RuntimeException exception) {
      throw exception;
    }
  }

  /**
   * The part of a thread. A failure is kept for the first thread, so that nobody waits for ever.
   */
  void attend(int thread) {
    long start = before;
    for (int phase = 0; phase < work.count(); phase++) {
      await(start + phase);
      try {
        work.run(phase, thread);
      } catch (RuntimeException | Error e) {
        failure = e;
      }
      ended.set(thread * SPACING, start + phase + 1);
    }
  }

  private void await(long phases) {
    for (int thread = 0; thread < threads; thread++) {
      for (int spun = 0; ended.get(thread * SPACING) < phases; spun++) {
        if (spun < spins) {
          Thread.onSpinWait();
        } else {
          Thread.yield();
        }
      }
    }
  }
}
