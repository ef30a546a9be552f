package org.nnirbridge.vm;

import java.util.Arrays;

/**
 * Chooses between all threads and one for the inferences of a model, by what they took: with
 * processors to themselves several are faster, but not where they have to share them with each
 * other or with strangers.
 *
 * <p>From time to time a few inferences go the other way, which becomes the usual one where it was
 * clearly faster. Trials that change nothing come more and more seldom, until inferences get
 * slower.
 */
final class ThreadTrial {
  /** So many inferences decide, by their median. */
  private static final int SAMPLE = 15;

  private static final int LEAST_BETWEEN = 256;
  private static final int MOST_BETWEEN = 1 << 12;

  /** How much slower inferences have to get for a trial before its time. */
  private static final double SLOWER = 1.5;

  /** How much faster the other way has to be. */
  private static final double FASTER = 0.9;

  private final long[] sample = new long[SAMPLE];
  private boolean together = true;
  private boolean trying;

  /** Inferences since the last trial, or of the trial. */
  private int count;

  private int between = LEAST_BETWEEN;

  /** The usual time at the last trial, in nanoseconds. */
  private long usual = Long.MAX_VALUE;

  /** Whether the next inference has all threads. */
  boolean isTogether() {
    return together != trying;
  }

  /** Takes note of the time of an inference. */
  void took(long nanos) {
    sample[count++ % SAMPLE] = nanos;
    if (trying && count == 2 * SAMPLE) {
      endTrial();
    } else if (!trying && count % LEAST_BETWEEN == 0) {
      long now = median();
      boolean isSlower = now > SLOWER * usual;
      if (isSlower || count >= between) {
        usual = now;
        between = isSlower ? LEAST_BETWEEN : between;
        trying = true;
        count = 0;
      }
    }
  }

  /** The first inferences of a trial may have had to wake threads; the others count. */
  private void endTrial() {
    long other = median();
    boolean isFaster = other < FASTER * usual;
    together ^= isFaster;
    usual = isFaster ? other : usual;
    between = isFaster ? LEAST_BETWEEN : Math.min(MOST_BETWEEN, 2 * between);
    trying = false;
    count = 0;
  }

  private long median() {
    Arrays.sort(sample);
    return sample[SAMPLE / 2];
  }
}
