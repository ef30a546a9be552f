package org.nnirbridge.vm;

import java.nio.FloatBuffer;
import java.util.List;
import org.nnirbridge.program.CoreImage;
import org.nnirbridge.program.Program;

/**
 * Runs a program's instruction streams on memory of its own. Not safe for use by several threads.
 *
 * <p>The same inputs give the same bits on every JVM, processor and machine.
 */
public final class VirtualMachine {
  private final Program program;
  private final ModelRun[] models;

  /**
   * A machine with the program loaded and every state as before the first inference.
   *
   * @throws org.nnirbridge.diagnostic.MalformedProgram when its cores would wait for ever
   */
  public VirtualMachine(Program program, VmMode mode) {
    this.program = program;
    boolean rounds = mode != VmMode.FLOAT32;
    int blockSize = program.config().blockSize();
    List<CoreImage> images = program.images();
    CoreMemory[] memories = new CoreMemory[images.size()];
    float[][] minimum = new float[images.size()][];
    float[][] maximum = new float[images.size()][];
    for (int core = 0; core < memories.length; core++) {
      CoreImage image = images.get(core);
      float[] weights = CoreMemory.loadWeights(image, rounds);
      memories[core] = new CoreMemory(image, blockSize, rounds, weights);
      minimum[core] = image.clampMinimum();
      maximum[core] = image.clampMaximum();
    }
    ModelRun.Settings settings =
        new ModelRun.Settings(blockSize, rounds, mode != VmMode.NO_COMPUTE, minimum, maximum);
    models = new ModelRun[program.models().size()];
    for (int m = 0; m < models.length; m++) {
      models[m] = new ModelRun(program.models().get(m), memories, settings);
    }
  }

  public Program program() {
    return program;
  }

  /**
   * One inference.
   *
   * @param inputs for each input its values in row-major order, from position 0 of the buffer
   * @param outputs for each output where to put its values
   * @param roundToNearestEven how float32 inputs become BF16: to nearest even, or truncated
   */
  public void run(
      int modelIndex, FloatBuffer[] inputs, FloatBuffer[] outputs, boolean roundToNearestEven) {
    models[modelIndex].run(inputs, outputs, roundToNearestEven);
  }

  /** Puts the states of a model back to what they were before its first inference. */
  public void reset(int modelIndex) {
    models[modelIndex].reset();
  }
}
