package org.nnirbridge.vm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class MeetingTest {
  private static final int PHASES = 5;
  private static final int THREADS = 3;

  /** Counts how often each part is done, and parts done before their phase may begin. */
  private static final class Work implements Meeting.Phases {
    private final AtomicIntegerArray done = new AtomicIntegerArray(PHASES * THREADS);
    private final AtomicInteger early = new AtomicInteger();
    private volatile int round;

    @Override
    public void run(int phase, int part) {
      for (int other = 0; phase > 0 && other < THREADS; other++) {
        if (done.get((phase - 1) * THREADS + other) != round) {
          early.incrementAndGet();
        }
      }
      done.incrementAndGet(phase * THREADS + part);
    }

    void assertAllDone() {
      for (int i = 0; i < done.length(); i++) {
        assertEquals(round, done.get(i), "part " + i);
      }
      assertEquals(0, early.get());
    }
  }

  private final Work work = new Work();
  private final Meeting meeting = new Meeting(work, THREADS);

  private void hold() {
    work.round++;
    meeting.open(0, PHASES);
    meeting.lead();
  }

  @Test
  void doesThePartsOfThreadsThatDoNotCome() {
    for (int i = 0; i < 10; i++) {
      hold();
      work.assertAllDone();
    }
  }

  @Test
  void threadsMayComeAtAnyTime() throws InterruptedException {
    int meetings = 20_000;
    Thread[] attendees = new Thread[THREADS - 1];
    for (int i = 0; i < attendees.length; i++) {
      int thread = i + 1;
      attendees[i] =
          new Thread(
              () -> {
                while (work.round < meetings) {
                  meeting.attend(thread);
                }
              });
      attendees[i].start();
    }
    while (work.round < meetings) {
      hold();
      work.assertAllDone();
    }
    for (Thread attendee : attendees) {
      attendee.join();
    }
    work.assertAllDone();
  }

  @Test
  void aMeetingMayBeAboutSomePhasesAndEndLater() throws InterruptedException {
    Thread attendee =
        new Thread(
            () -> {
              while (work.round < 3000) {
                meeting.attend(1);
              }
            });
    attendee.start();
    int ahead = 2;
    while (work.round < 3000) {
      work.round++;
      if (work.round % 5 == 0) {
        meeting.alone(0, ahead);
      } else {
        meeting.open(0, ahead);
      }
      meeting.lead();
      meeting.open(ahead, PHASES);
      meeting.lead();
      work.assertAllDone();
    }
    attendee.join();
    work.assertAllDone();
  }

  @Test
  void aThreadThatComesTooLateDoesNothing() {
    hold();
    meeting.attend(1);
    work.assertAllDone();
    hold();
    work.assertAllDone();
  }

  @Test
  void aFailureReachesTheLeaderAndTheNextMeetingIsUnharmed() {
    AtomicInteger runs = new AtomicInteger();
    Meeting.Phases failing =
        new Meeting.Phases() {
          @Override
          public void run(int phase, int part) {
            if (runs.getAndIncrement() == 0) {
              throw new IllegalStateException("once");
            }
          }
        };
    Meeting other = new Meeting(failing, 2);
    other.open(0, 1);
    IllegalStateException error = assertThrows(IllegalStateException.class, other::lead);
    assertEquals("once", error.getMessage());
    other.open(0, 1);
    other.lead();
    assertEquals(4, runs.get());
  }
}
