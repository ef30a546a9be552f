package org.nnirbridge.vm;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Keeps the threads that share an inference in step: no part of a phase starts before all parts of
 * the last one ended. Each thread has a part of its own, and does those of threads that are late.
 */
final class Meeting {
  /** Far enough apart that threads do not share a cache line. */
  private static final int SPACING = 16;

  private static final int SPINS_BEFORE_YIELD = 2000;

  private final Phases work;
  private final int threads;

  /** Asked once, by a thread that is not bound to a processor. */
  private final boolean needsEveryProcessor;

  /** For each part the number of phases in which a thread has taken it, over all inferences. */
  private final AtomicLongArray taken;

  /** The same for those that ended. */
  private final AtomicLongArray ended;

  private final ThreadTrial trial = new ThreadTrial();

  /** The phases before this inference; none yet that anybody could take for one of it. */
  private volatile long before = Long.MIN_VALUE;

  private volatile Throwable failure;

  /** Work in phases, with as many parts as there are threads; a part is done by any thread. */
  interface Phases {
    int count();

    void run(int phase, int part);
  }

  Meeting(Phases work, int threads) {
    this.work = work;
    this.threads = threads;
    this.needsEveryProcessor = Threads.crowd(threads);
    this.taken = new AtomicLongArray(threads * SPACING);
    this.ended = new AtomicLongArray(threads * SPACING);
  }

  int threads() {
    return threads;
  }

  /** Says how long somebody had to wait for the last one, which decides how many do the next. */
  void waited(long nanos) {
    trial.waited(nanos);
  }

  ThreadTrial trial() {
    return trial;
  }

  /** Whether the next one takes every processor, also that of who waits for its end. */
  boolean isCrowded() {
    return needsEveryProcessor && trial.isTogether();
  }

  /** Does all the work on this thread. */
  void alone() {
    for (int phase = 0; phase < work.count(); phase++) {
      for (int part = 0; part < threads; part++) {
        work.run(phase, part);
      }
    }
  }

  /** Lets the other threads start; the caller then has to {@link #lead}. */
  void open() {
    failure = null;
    before = ended.get(0);
  }

  /** What the first thread does; returns when all parts have ended. */
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

  /** What a thread does; one that comes too late finds all parts taken. */
  void attend(int thread) {
    long start = before;
    for (int phase = 0; phase < work.count(); phase++) {
      await(start + phase);
      for (int i = 0; i < threads; i++) {
        int part = (thread + i) % threads;
        if (taken.compareAndSet(part * SPACING, start + phase, start + phase + 1)) {
          run(phase, part);
          ended.set(part * SPACING, start + phase + 1);
        }
      }
    }
  }

  /** Does a part. A failure is kept for the first thread, so that nobody waits for ever. */
  private void run(int phase, int part) {
    try {
      work.run(phase, part);
    } catch (RuntimeException | Error e) {
      failure = e;
    }
  }

  private void await(long phases) {
    for (int part = 0; part < threads; part++) {
      for (int spun = 0; ended.get(part * SPACING) < phases; spun++) {
        if (spun < SPINS_BEFORE_YIELD) {
          Thread.onSpinWait();
        } else {
          Thread.yield();
        }
      }
    }
  }
}
