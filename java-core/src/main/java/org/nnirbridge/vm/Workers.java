package org.nnirbridge.vm;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Threads that share inferences with the threads that ask for them; one set for all machines.
 *
 * <p>After an inference a worker polls for a short while before it sleeps, so that inferences that
 * follow each other find it awake.
 */
final class Workers {
  /** One inference has the workers at a time. */
  private static final ReentrantLock LOCK = new ReentrantLock();

  private static final List<Worker> WORKERS = new CopyOnWriteArrayList<>();

  private Workers() {}

  /** Makes workers until there are as many; they stay. */
  static synchronized void provide(int workers) {
    while (WORKERS.size() < workers) {
      WORKERS.add(new Worker(WORKERS.size() + 1));
    }
  }

  /**
   * Holds a meeting about the phases from one to before another, with the workers, or alone where
   * that is faster or another machine has them. A meeting that was begun has to have ended.
   */
  static void hold(Meeting meeting, int from, int to) {
    if (meeting.threads() == 1) {
      meeting.alone(from, to);
      return;
    }
    ThreadTrial trial = meeting.trial();
    boolean together = trial.isTogether();
    if (together && !LOCK.tryLock()) {
      meeting.alone(from, to);
      return;
    }
    long start = System.nanoTime();
    if (together) {
      try {
        open(meeting, from, to);
        meeting.lead();
      } finally {
        LOCK.unlock();
      }
    } else {
      meeting.alone(from, to);
    }
    trial.took(System.nanoTime() - start);
  }

  /**
   * The same for phases that nobody waits for. Workers that need every processor do them while the
   * caller goes on, who has to {@link Meeting#lead} before anything else with the meeting.
   *
   * @return false if another machine has the workers; nothing has then been done
   */
  static boolean begin(Meeting meeting, int from, int to) {
    if (meeting.threads() == 1 || !meeting.trial().isTogether()) {
      meeting.alone(from, to);
      return true;
    }
    if (!LOCK.tryLock()) {
      return false;
    }
    try {
      open(meeting, from, to);
      if (!meeting.isCrowded()) {
        meeting.lead();
      }
    } finally {
      LOCK.unlock();
    }
    return true;
  }

  private static void open(Meeting meeting, int from, int to) {
    meeting.open(from, to);
    for (int i = 0; i < meeting.threads() - 1; i++) {
      WORKERS.get(i).invite(meeting);
    }
  }

  private static final class Worker implements Runnable {
    private static final long SPIN_NANOS = 20_000;

    private static final long POLL_NANOS = 100_000;
    private static final int SPINS_BETWEEN_LOOKS = 64;

    private final int number;
    private final Thread thread;
    private final AtomicReference<Meeting> invitation = new AtomicReference<>();
    private volatile boolean asleep;

    Worker(int number) {
      this.number = number;
      this.thread = new Thread(this, "vm-worker-" + number);
      thread.setDaemon(true);
      thread.start();
    }

    void invite(Meeting meeting) {
      invitation.set(meeting);
      if (asleep) {
        LockSupport.unpark(thread);
      }
    }

    @Override
    public void run() {
      while (true) {
        awaitInvitation();
        invitation.getAndSet(null).attend(number);
      }
    }

    private void awaitInvitation() {
      long start = System.nanoTime();
      while (invitation.get() == null) {
        long waited = System.nanoTime() - start;
        if (waited < POLL_NANOS) {
          for (int i = 0; i < SPINS_BETWEEN_LOOKS && invitation.get() == null; i++) {
            Thread.onSpinWait();
          }
          if (waited > SPIN_NANOS) {
            Thread.yield();
          }
        } else {
          asleep = true;
          if (invitation.get() == null) {
            LockSupport.park(this);
          }
          asleep = false;
        }
      }
    }
  }
}
