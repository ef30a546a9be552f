package org.nnirbridge.vm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.function.IntToLongFunction;
import org.junit.jupiter.api.Test;

class ThreadTrialTest {
  private final ThreadTrial trial = new ThreadTrial();

  /** How many of some inferences had all threads, with the times of either way by number. */
  private int together(int inferences, IntToLongFunction together, IntToLongFunction alone) {
    int count = 0;
    for (int i = 0; i < inferences; i++) {
      boolean isTogether = trial.isTogether();
      count += isTogether ? 1 : 0;
      trial.took((isTogether ? together : alone).applyAsLong(i));
    }
    return count;
  }

  private int together(int inferences, long together, long alone) {
    return together(inferences, i -> together, i -> alone);
  }

  @Test
  void beginsTogether() {
    assertEquals(100, together(100, 90_000, 10_000));
  }

  @Test
  void staysTogetherWhileThatIsFaster() {
    int inferences = 1_000_000;
    assertTrue(together(inferences, 10_000, 20_000) > 0.999 * inferences);
  }

  @Test
  void staysTogetherWhereItMakesLittleDifference() {
    assertTrue(together(100_000, 10_000, 9_500) > 99_000);
  }

  @Test
  void goesAloneWhereThatIsFaster() {
    assertTrue(together(10_000, 90_000, 20_000) < 300);
  }

  @Test
  void decidesAfterFewInferencesWhereTheyAreLong() {
    assertTrue(together(100, 900_000_000, 200_000_000) < 25);
  }

  @Test
  void noticesThatStrangersTookAProcessorAndThatTheyLeft() {
    together(20_000, 10_000, 20_000);
    assertTrue(together(5_000, 4_000_000, 25_000) < 50);
    together(2_000, 10_000, 12_500);
    assertTrue(together(20_000, 10_000, 12_500) > 19_000);
  }

  @Test
  void noticesByMeansThatStrangersLeft() {
    together(20_000, 10_000, 20_000);
    IntToLongFunction disturbed = i -> i % 100 == 0 ? 3_000_000 : 20_000;
    assertTrue(together(5_000, i -> 4_000_000, disturbed) < 50);
    assertTrue(together(5_000, 10_000, 20_000) > 4_000);
  }

  @Test
  void fewSlowInferencesAreNotTakenForTheOtherWaysMerit() {
    IntToLongFunction together = i -> i % 50 == 0 ? 5_000_000 : 10_000;
    assertTrue(together(20_000, together, i -> 20_000) > 16_000);
  }

  @Test
  void countsWhatSomebodyWaitedInstead() {
    int count = 0;
    for (int i = 0; i < 5_000; i++) {
      boolean isTogether = trial.isTogether();
      count += isTogether ? 1 : 0;
      trial.took(isTogether ? 10_000 : 20_000);
      trial.waited(isTogether ? 90_000 : 25_000);
    }
    assertTrue(count < 300);
  }
}
