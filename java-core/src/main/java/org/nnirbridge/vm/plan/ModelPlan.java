package org.nnirbridge.vm.plan;

import java.util.Arrays;
import java.util.List;

/**
 * How to run one inference of a model on one array of memory.
 *
 * @param nanoseconds about how long one thread takes for it
 * @param memory the array
 * @param steps for each phase and thread; all threads meet between phases
 * @param phasesOnce how many of the phases, the first, give the same results in every inference, so
 *     that a machine has to go through them only once
 * @param phasesAhead how many of the phases, those included, need no input and can be over before
 *     it is there
 * @param moving the places that move
 * @param words where each input's words start
 * @param outputs for each output the place of each word
 * @param commit copies that end an inference: its new state to the newest entries
 * @param rings the rings of state
 * @param state where each block of state lies, in the order of their names
 */
public record ModelPlan(
    long nanoseconds,
    MemoryImage memory,
    int[][][][] steps,
    int phasesOnce,
    int phasesAhead,
    Moving[] moving,
    int[] words,
    int[][] outputs,
    int[][] commit,
    Ring[] rings,
    List<StateCell> state) {

  /** Whether any phase has work for more than one thread. */
  public boolean isShared() {
    return Arrays.stream(steps)
        .anyMatch(phase -> Arrays.stream(phase).skip(1).anyMatch(part -> part.length > 0));
  }

  /** A place in a ring: {@code age} entries before its head. */
  public record Moving(int ring, int age, int offset) {}

  /** A block of state: its name, its ring, and its place in each entry of the ring. */
  public record StateCell(StateBlock block, int ring, int offset) {}

  /** Entries of state, one of which each inference writes. */
  public record Ring(int base, int entrySize, int entries) {}
}
