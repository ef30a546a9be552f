package org.nnirbridge.vm.plan;

import java.util.List;
import org.nnirbridge.program.Program;
import org.nnirbridge.vm.VmMode;

/**
 * How to run the models of a program; may be shared by any number of machines.
 *
 * @param words the packed weights of {@link VmMode#BIT_ACCURATE}; else empty
 * @param floats the weights of {@link VmMode#FLOAT32}; else empty
 */
public record ProgramPlan(List<ModelPlan> models, int[] words, float[] floats) {
  /**
   * Plans all models of a program.
   *
   * @throws org.nnirbridge.diagnostic.MalformedProgram when its cores would wait for ever
   */
  public static ProgramPlan of(Program program, VmMode mode, int threads) {
    boolean bf16 = mode != VmMode.FLOAT32;
    PackedWeights weights = new PackedWeights(program.images(), program.config().blockSize(), bf16);
    List<ModelPlan> models =
        program.models().stream()
            .map(model -> new Planner(program, model, mode, threads, weights).plan())
            .toList();
    weights.pack();
    return new ProgramPlan(models, weights.words(), weights.floats());
  }
}
