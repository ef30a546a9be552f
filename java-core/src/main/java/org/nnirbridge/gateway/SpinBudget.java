package org.nnirbridge.gateway;

/**
 * Decides how long a connection polls for its next request before it sleeps.
 *
 * <p>It polls only while requests follow each other closely, and never on one processor, where
 * polling takes the time the other side needs.
 */
final class SpinBudget {
  static final long POLL_NANOS = 100_000;
  private static final int MOST_CONFIDENT = 3;

  private final boolean pays;
  private int confidence;
  private long idleSince = System.nanoTime();

  SpinBudget(boolean pays) {
    this.pays = pays;
  }

  /** Whether polling can pay on this machine; it also needs x86's order of stores. */
  static boolean pays() {
    String architecture = System.getProperty("os.arch");
    boolean ordered = architecture.equals("amd64") || architecture.equals("x86_64");
    return ordered && Runtime.getRuntime().availableProcessors() > 1;
  }

  long pollNanos() {
    return pays && confidence > 0 ? POLL_NANOS : 0;
  }

  void requestArrived() {
    boolean close = System.nanoTime() - idleSince < 2 * POLL_NANOS;
    confidence = close ? Math.min(confidence + 1, MOST_CONFIDENT) : Math.max(confidence - 1, 0);
  }

  void becameIdle() {
    idleSince = System.nanoTime();
  }
}
