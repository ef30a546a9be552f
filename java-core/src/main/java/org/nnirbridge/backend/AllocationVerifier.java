package org.nnirbridge.backend;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.nnirbridge.diagnostic.CompilerBug;
import org.nnirbridge.isa.Region;

/**
 * Proves of a core's allocated steps that no two live values share space: goes through them in
 * order and checks that every block that is read still holds the value that is meant.
 */
final class AllocationVerifier {
  private final CoreWork work;
  private final int constantBlocks;
  private final Map<Place, Local> holds = new HashMap<>();

  private AllocationVerifier(CoreWork work) {
    this.work = work;
    this.constantBlocks = work.stores.tensorReserved();
  }

  /**
   * Checks a core.
   *
   * @throws CompilerBug naming the step, the block and the two values
   */
  static void verify(CoreWork work) {
    new AllocationVerifier(work).verifyAll();
  }

  private void verifyAll() {
    for (int i = 0; i < work.steps.size(); i++) {
      Step step = work.steps.get(i);
      for (Local source : step.sources()) {
        if (source.start >= 0) {
          checkHeld(i, step, source);
        }
      }
      if (step.target() != null) {
        take(i, step, step.target());
      }
    }
  }

  private void checkHeld(int index, Step step, Local source) {
    for (Place block : blocks(source)) {
      Local held = holds.get(block);
      if (held != source) {
        throw new CompilerBug(
            "step %d (%s) reads tile %d from %s, which holds %s"
                .formatted(
                    index,
                    step.opcode(),
                    source.tile,
                    block,
                    held == null ? "nothing" : "tile " + held.tile));
      }
    }
  }

  private void take(int index, Step step, Local target) {
    for (Place block : blocks(target)) {
      if (block.region() == Region.TENSOR && block.index() < constantBlocks) {
        throw new CompilerBug(
            "step %d (%s) writes tile %d to %s, which is reserved for constants and states"
                .formatted(index, step.opcode(), target.tile, block));
      }
      holds.put(block, target);
    }
  }

  private static List<Place> blocks(Local local) {
    List<Place> blocks = new ArrayList<>();
    for (int i = 0; i < local.blocks(); i++) {
      blocks.add(local.place.plus(i));
    }
    return blocks;
  }
}
