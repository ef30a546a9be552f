package org.nnirbridge.vm.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.nnirbridge.Models;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.transform.StreamingTransform;
import org.nnirbridge.vm.VmMode;

class PlannerTest {
  private static final int STEPS = 9;

  /** How many tiles each step of products is of, in order. */
  private static List<Integer> tilesOfProducts(Graph graph) {
    ModelPlan plan = ProgramPlan.of(Models.compile(graph), VmMode.BIT_ACCURATE, 1).models().get(0);
    return Arrays.stream(plan.steps())
        .flatMap(phase -> Arrays.stream(phase[0]))
        .filter(step -> step[0] == Opcode.MATVEC.ordinal())
        .map(step -> step[8])
        .toList();
  }

  @Test
  void theInputsOfAllStepsAreMultipliedAtOnceAndThenEachState() {
    Models models = new Models(5);
    List<Integer> tiles = tilesOfProducts(models.build(models.lstm(models.input(STEPS, 40), 16)));
    int ofFirstState = 2;
    assertEquals(List.of(ofFirstState, STEPS, STEPS), tiles.subList(0, 3));
    assertEquals(Collections.nCopies(STEPS - 1, 2), tiles.subList(3, tiles.size()));
  }

  @Test
  void theProductOfTheFirstStateIsTheSameInEveryInference() {
    Models models = new Models(5);
    Graph graph = models.build(models.lstm(models.input(STEPS, 40), 16));
    ModelPlan plan = ProgramPlan.of(Models.compile(graph), VmMode.BIT_ACCURATE, 1).models().get(0);
    assertEquals(1, plan.phasesOnce());
    assertEquals(1, plan.phasesAhead());
    assertEquals(1, plan.steps()[0][0].length);
  }

  @Test
  void positionsOfAConvolutionAreMultipliedAtOnce() {
    Models models = new Models(6);
    Graph graph = models.build(models.paddedConv(models.input(64, STEPS), 64, 3, 1, false));
    int withPadding = 2;
    assertEquals(List.of(withPadding, STEPS - withPadding), tilesOfProducts(graph));
  }

  @Test
  void tilesOfTheSameInputAreOneStep() {
    Models models = new Models(7);
    Graph graph = models.build(models.linear(models.input(40), 5 * Tile.MOST_LANES));
    assertEquals(List.of(5), tilesOfProducts(graph));
  }

  @Test
  void theNewStateOfAnLstmNeedsNoCopy() {
    Models models = new Models(8);
    int x = models.lstm(models.lstm(models.input(STEPS, 40), 64), 64);
    Graph graph = StreamingTransform.apply(models.build(x), List.of(0)).graph();
    ModelPlan plan = ProgramPlan.of(Models.compile(graph), VmMode.BIT_ACCURATE, 2).models().get(0);
    assertEquals(8, plan.state().size());
    assertEquals(0, plan.commit().length);
  }
}
