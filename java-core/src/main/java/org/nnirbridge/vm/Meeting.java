package org.nnirbridge.vm;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Keeps the threads that share an inference in step: no part of a phase starts before all parts of
 * the last one ended. Each thread has a part of its own, and does those of threads that are late.
 *
 * <p>A meeting is about some of the phases. Those of all meetings are counted, each by the number
 * of meetings' phases that came before it.
 */
final class Meeting {
  /** Far enough apart that threads do not share a cache line. */
  private static final int SPACING = 16;

  private static final int SPINS_BEFORE_YIELD = 2000;

  private final Phases work;
  private final int threads;

  /** Asked once, by a thread that is not bound to a processor. */
  private final boolean needsEveryProcessor;

  /** For each part the number of phases in which a thread has taken it, over all meetings. */
  private final AtomicLongArray taken;

  /** The same for those that ended. */
  private final AtomicLongArray ended;

  private final ThreadTrial trial = new ThreadTrial();

  /** From the number that a phase has in the work to the one that it has over all meetings. */
  private volatile long offset;

  /** The phases of all meetings until the end of this one; written after the offset. */
  private volatile long end;

  private volatile Throwable failure;

  /** Work in phases, with as many parts as there are threads; a part is done by any thread. */
  interface Phases {
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

  /** Does the phases from one to before another on this thread. */
  void alone(int from, int to) {
    for (int phase = from; phase < to; phase++) {
      for (int part = 0; part < threads; part++) {
        work.run(phase, part);
      }
    }
  }

  /**
   * Lets the other threads start with the phases from one to before another; the caller then has to
   * {@link #lead}, at once or later.
   */
  void open(int from, int to) {
    long before = ended.get(0);
    offset = before - from;
    end = before + to - from;
  }

  /** What the first thread does; returns when all parts have ended, at once if they had. */
  void lead() {
    attend(0);
    await(end);
    Throwable thrown = failure;
    failure = null;
    if (thrown instanceof Error error) {
      throw error;
    }
    if (thrown instanceof RuntimeException exception) {
      throw exception;
    }
  }

  /** What a thread does; one that comes too late finds all parts taken. */
  void attend(int thread) {
    // In this order: an offset that is too new goes with an end by which all parts are taken.
    long last = end;
    long first = offset;
    for (long phase = ended(); phase < last; phase++) {
      await(phase);
      for (int i = 0; i < threads; i++) {
        int part = (thread + i) % threads;
        if (taken.compareAndSet(part * SPACING, phase, phase + 1)) {
          run((int) (phase - first), part);
          ended.set(part * SPACING, phase + 1);
        }
      }
    }
  }

  /** The phases of all meetings of which all parts have ended. */
  private long ended() {
    long least = Long.MAX_VALUE;
    for (int part = 0; part < threads; part++) {
      least = Math.min(least, ended.get(part * SPACING));
    }
    return least;
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
