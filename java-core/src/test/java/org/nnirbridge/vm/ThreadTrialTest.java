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
    assertEquals(200, together(200, 90_000, 10_000));
  }

  @Test
  void staysTogetherWhileThatIsFaster() {
    int inferences = 100_000;
    assertTrue(together(inferences, 10_000, 20_000) > 0.99 * inferences);
  }

  @Test
  void staysTogetherWhereItMakesLittleDifference() {
    assertTrue(together(100_000, 10_000, 9_500) > 99_000);
  }

  @Test
  void goesAloneWhereThatIsFaster() {
    assertTrue(together(10_000, 90_000, 20_000) < 700);
  }

  @Test
  void noticesThatStrangersTookAProcessorAndThatTheyLeft() {
    together(20_000, 10_000, 20_000);
    assertTrue(together(5_000, 90_000, 20_000) < 1_000);
    together(5_000, 10_000, 20_000);
    assertTrue(together(5_000, 10_000, 20_000) > 4_800);
  }

  @Test
  void afterThingsChangeForTheSlowerTheNextTrialComesSoon() {
    together(50_000, 10_000, 20_000);
    assertTrue(together(1_000, 90_000, 20_000) < 700);
  }

  @Test
  void aFewSlowInferencesDecideNothing() {
    IntToLongFunction together = i -> i % 5 == 0 ? 5_000_000 : 10_000;
    assertTrue(together(20_000, together, i -> 20_000) > 19_000);
  }
}
