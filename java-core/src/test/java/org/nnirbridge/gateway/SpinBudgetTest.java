package org.nnirbridge.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class SpinBudgetTest {
  @Test
  void pollsOnceRequestsFollowEachOther() {
    SpinBudget budget = new SpinBudget(true);
    budget.becameIdle();
    budget.requestArrived();
    assertEquals(SpinBudget.POLL_NANOS, budget.pollNanos());
  }

  @Test
  void neverPollsWhereItDoesNotPay() {
    SpinBudget budget = new SpinBudget(false);
    budget.becameIdle();
    budget.requestArrived();
    assertEquals(0, budget.pollNanos());
  }

  @Test
  void doesNotPollBeforeTheFirstRequest() {
    assertEquals(0, new SpinBudget(true).pollNanos());
  }
}
