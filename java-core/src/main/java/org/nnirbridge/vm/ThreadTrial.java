package org.nnirbridge.vm;

import java.util.Arrays;

/**
 * Chooses between all threads and one for the inferences of a model, by what they took: with
 * processors to themselves several are faster, but not where they have to share them with each
 * other or with strangers.
 *
 * <p>From time to time a few inferences go the other way, which becomes the usual one where it was
 * clearly faster. Trials that change nothing come more and more seldom, until the usual way gets
 * clearly slower or faster. Medians choose, means tell of change: a stranger on a processor makes
 * few inferences slow, but those by milliseconds.
 */
final class ThreadTrial {
  /** So many inferences choose, by their median; fewer where they are long. */
  private static final int SAMPLE = 15;

  private static final int MOST_WINDOWS = 64;

  /** The factor by which the usual way has to change for a trial before its time. */
  private static final double CHANGED = 1.5;

  /** How much less time the other way has to take. */
  private static final double FASTER = 0.9;

  private enum Phase {
    /** A window, in which the usual way is watched before the next thought of a trial. */
    USUAL(4, Integer.MAX_VALUE, 10_000_000),

    /** The first inferences of a trial, which may have to wake threads and do not count. */
    WAKING(1, 8, 2_000_000),
    TRYING(2, SAMPLE, 10_000_000);

    private final int least;
    private final int most;
    private final long nanos;

    Phase(int least, int most, long nanos) {
      this.least = least;
      this.most = most;
      this.nanos = nanos;
    }

    boolean isOver(int count, long total) {
      return count >= most || (count >= least && total >= nanos);
    }
  }

  private Phase phase = Phase.USUAL;
  private boolean together = true;

  /** The times of the last inferences, in nanoseconds. */
  private final long[] sample = new long[SAMPLE];

  /** The inferences of this phase, or of this window, and their time. */
  private int count;

  private long total;

  /** Windows since the last trial, and how many there are between trials. */
  private int windows;

  private int between = 1;

  /** The median time before the last trial. */
  private long usual;

  /** The mean time that a window has while nothing changes. */
  private double mean;

  /** Whether the next inference has all threads. */
  boolean isTogether() {
    return together == (phase == Phase.USUAL);
  }

  /** Takes note of the time of an inference. */
  void took(long nanos) {
    sample[count++ % SAMPLE] = nanos;
    total += nanos;
    if (phase.isOver(count, total)) {
      switch (phase) {
        case USUAL -> endWindow();
        case WAKING -> begin(Phase.TRYING);
        case TRYING -> endTrial();
      }
    }
  }

  /** Corrects the time of the last inference: so long had somebody to wait for it. */
  void waited(long nanos) {
    if (count > 0) {
      int last = (count - 1) % SAMPLE;
      total += nanos - sample[last];
      sample[last] = nanos;
    }
  }

  private void begin(Phase next) {
    phase = next;
    count = 0;
    total = 0;
  }

  private void endWindow() {
    double now = (double) total / count;
    boolean isFirst = mean == 0;
    if (isFirst || now > CHANGED * mean || CHANGED * now < mean) {
      mean = now;
      between = isFirst ? between : 1;
    }
    windows++;
    usual = median();
    begin(windows >= between ? Phase.WAKING : Phase.USUAL);
  }

  private void endTrial() {
    if (median() < FASTER * usual) {
      together = !together;
      mean = 0;
    }
    between = Math.min(2 * between, MOST_WINDOWS);
    windows = 0;
    begin(Phase.USUAL);
  }

  private long median() {
    int size = Math.min(count, SAMPLE);
    Arrays.sort(sample, 0, size);
    return sample[size / 2];
  }
}
