package org.nnirbridge.vm.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nnirbridge.Models;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.program.Program;
import org.nnirbridge.transform.StreamingTransform;
import org.nnirbridge.vm.VmMode;

class LevelsTest {
  private static final int STEPS = 9;

  private static Dataflow flow(Graph graph) {
    Program program = Models.compile(graph);
    return DataflowReader.read(program, program.models().get(0), VmMode.BIT_ACCURATE);
  }

  private static Graph layersOverSteps() {
    Models models = new Models(5);
    int x = models.lstm(models.lstm(models.input(STEPS, 40), 64), 64);
    return models.build(models.linear(x, 7));
  }

  static Stream<Graph> graphs() {
    Models models = new Models(6);
    int x = models.paddedConv(models.input(40, STEPS), 64, 3, 2, false);
    return Stream.of(Models.mlp(), layersOverSteps(), models.build(models.relu(x)), stream());
  }

  private static Graph stream() {
    return StreamingTransform.apply(layersOverSteps(), List.of(0)).graph();
  }

  @ParameterizedTest
  @MethodSource("graphs")
  void aSumIsAboveItsSourcesAndAnotherResultLevelWithTheHighest(Graph graph) {
    Dataflow flow = flow(graph);
    Map<Result, Integer> levels = Levels.of(List.of(flow.results()));
    assertEquals(flow.results().size(), levels.size());
    for (Result result : flow.results()) {
      int highest = 0;
      for (Value source : result.sources()) {
        highest = Math.max(highest, source instanceof Result other ? levels.get(other) : 0);
      }
      int above = levels.get(result) - highest;
      assertTrue(result instanceof Sum ? above > 0 : above == 0, result::toString);
    }
  }

  @ParameterizedTest
  @MethodSource("graphs")
  void whatNeedsNoInputHasLevelsOfItsOwnBeforeTheRest(Graph graph) {
    Dataflow flow = flow(graph);
    Set<Result> ahead = flow.withoutInputs();
    List<Result> rest = new ArrayList<>(flow.results());
    rest.removeAll(ahead);
    Map<Result, Integer> levels = Levels.of(List.of(ahead, rest));
    assertEquals(flow.results().size(), levels.size());
    int lastAhead = ahead.stream().mapToInt(levels::get).max().orElse(-1);
    for (Result result : flow.results()) {
      assertEquals(!needsInput(result), ahead.contains(result));
      assertEquals(ahead.contains(result), levels.get(result) <= lastAhead);
      for (Value source : result.sources()) {
        int below = source instanceof Result other ? levels.get(other) : -1;
        int least = result instanceof Sum ? below + 1 : below;
        assertTrue(levels.get(result) >= least, result::toString);
      }
    }
  }

  private static boolean needsInput(Value value) {
    return value instanceof Result result
        ? StreamSupport.stream(result.sources().spliterator(), false)
            .anyMatch(LevelsTest::needsInput)
        : value instanceof Word;
  }

  @Test
  void theProductsOfAllStatesAreAheadOfAStreamsInputs() {
    Dataflow flow = flow(stream());
    Schedule schedule = Schedule.of(flow, new Roles(flow), 32, 1);
    assertEquals(1, schedule.phasesAhead());
    List<Result> ahead = new ArrayList<>();
    schedule.phases().get(0).threads().get(0).forEach(stage -> ahead.addAll(stage.results()));
    assertEquals(flow.withoutInputs(), new HashSet<>(ahead));
    int blocks = 64 / 32;
    int layers = 2;
    int gates = 4;
    assertEquals(
        layers * gates * blocks, (int) ahead.stream().filter(Sum.class::isInstance).count());
  }

  @Test
  void aModelWithoutStateHasNothingAhead() {
    Dataflow flow = flow(Models.mlp());
    assertEquals(Set.of(), flow.withoutInputs());
    assertEquals(0, Schedule.of(flow, new Roles(flow), 32, 1).phasesAhead());
  }

  @Test
  void aLayerMultipliesAllItsInputsAtOnceAndThenStateByState() {
    Dataflow flow = flow(layersOverSteps());
    Map<Integer, List<List<Sum.WeightBlock>>> weights = new TreeMap<>();
    Levels.of(List.of(flow.results()))
        .forEach(
            (result, level) -> {
              if (result instanceof Sum sum) {
                weights.computeIfAbsent(level, key -> new ArrayList<>()).add(sum.weights());
              }
            });
    assertEquals(2 * STEPS + 1, weights.size());
    List<List<Sum.WeightBlock>> inputs = weights.get(STEPS + 1);
    Set<List<Sum.WeightBlock>> ofInputs = Set.copyOf(inputs);
    assertEquals(STEPS * ofInputs.size(), inputs.size());
    Set<List<Sum.WeightBlock>> ofFirstState = Set.copyOf(weights.get(2));
    Set<List<Sum.WeightBlock>> ofSecondState = Set.copyOf(weights.get(STEPS + 2));
    assertTrue(Collections.disjoint(ofFirstState, ofSecondState));
    for (int step = 2; step <= STEPS; step++) {
      assertEquals(ofFirstState, Set.copyOf(weights.get(step)));
      assertEquals(ofSecondState, Set.copyOf(weights.get(STEPS + step)));
    }
  }

  @Test
  void stepsOfALayerFollowEachOtherAlsoWhereTheFirstComesEarlier() {
    Dataflow flow = flow(layersOverSteps());
    Set<Result> first = flow.constants();
    List<Result> rest = new ArrayList<>(flow.results());
    rest.removeAll(first);
    Map<Integer, Integer> sums = new TreeMap<>();
    Levels.of(List.of(first, rest))
        .forEach((result, level) -> sums.merge(level, result instanceof Sum ? 1 : 0, Integer::sum));
    sums.values().removeIf(count -> count == 0);
    int blocks = 4 * 64 / 32;
    List<Integer> expected = new ArrayList<>(List.of(2 * blocks));
    for (int layer = 0; layer < 2; layer++) {
      expected.add(STEPS * blocks);
      expected.addAll(Collections.nCopies(STEPS - 1, blocks));
    }
    expected.add(STEPS);
    assertEquals(expected, new ArrayList<>(sums.values()));
  }
}
