package org.nnirbridge.vm;

import java.nio.FloatBuffer;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Program;
import org.nnirbridge.vm.plan.PlanCache;
import org.nnirbridge.vm.plan.ProgramPlan;

/**
 * Runs a program's models on state of its own. Not safe for use by several threads.
 *
 * <p>The same inputs give the same bits on every JVM, processor and machine, whatever the number of
 * threads and streams.
 */
public final class VirtualMachine {
  private final Program program;
  private final VmOptions options;
  private final ModelStreams[] models;

  /** A machine with one stream and as many threads as pay. */
  public VirtualMachine(Program program, VmMode mode) {
    this(program, VmOptions.of(mode));
  }

  /**
   * A machine with the program loaded and every state as before the first inference. Machines of
   * one program share its weights.
   *
   * @throws org.nnirbridge.diagnostic.MalformedProgram when its cores would wait for ever
   */
  public VirtualMachine(Program program, VmOptions options) {
    this.program = program;
    int threads =
        options.threads() > 0 ? options.threads() : Threads.thatPay(program, options.streams());
    this.options = new VmOptions(options.mode(), threads, options.streams());
    int sharing = Threads.haveOwnStreams(this.options) ? 1 : threads;
    ProgramPlan plan = PlanCache.plan(program, options.mode(), sharing);
    models = new ModelStreams[program.models().size()];
    for (int m = 0; m < models.length; m++) {
      Model model = program.models().get(m);
      models[m] =
          ModelStreams.of(
              model, program.config().blockSize(), plan, plan.models().get(m), this.options);
      Workers.provide(threads(m) - 1);
    }
  }

  public Program program() {
    return program;
  }

  /** How it computes, with the number of threads that was chosen. */
  public VmOptions options() {
    return options;
  }

  /**
   * How many of the threads that were asked for should share an inference, so that they do not take
   * the processor of who waits for it where the work is too little for that; 0 stays 0.
   */
  public static int threadsOfAsked(int threads, Program program, int streams) {
    return Threads.ofAsked(threads, program, streams);
  }

  /** How many threads share an inference of a model: fewer where it has too little work. */
  public int threads(int modelIndex) {
    return models[modelIndex].threads();
  }

  /**
   * Whether the next inference of a model needs every processor, also that of who waits for it.
   * Models with fewer threads never do, others not while one thread is faster.
   */
  public boolean isCrowded(int modelIndex) {
    return models[modelIndex].isCrowded();
  }

  /**
   * Says how long somebody had to wait for the last inference of a model, which may be longer than
   * {@link #run} took. It is taken into account when threads are chosen for the next ones.
   *
   * @param nanos nanoseconds
   */
  public void waited(int modelIndex, long nanos) {
    models[modelIndex].waited(nanos);
  }

  /**
   * One inference of every stream.
   *
   * @param inputs for each input its values in row-major order, from position 0 of the buffer;
   *     those of several streams one after another
   * @param outputs for each output where to put its values, likewise
   * @param roundToNearestEven how float32 inputs become BF16: to nearest even, or truncated
   */
  public void run(
      int modelIndex, FloatBuffer[] inputs, FloatBuffer[] outputs, boolean roundToNearestEven) {
    run(modelIndex, 0, inputs, outputs, roundToNearestEven);
  }

  /**
   * One inference of a sequence.
   *
   * @param step which one: the buffers hold the values of all steps one after another
   */
  public void run(
      int modelIndex,
      int step,
      FloatBuffer[] inputs,
      FloatBuffer[] outputs,
      boolean roundToNearestEven) {
    models[modelIndex].run(step, inputs, outputs, roundToNearestEven);
  }

  /**
   * Does what the next inference of a model needs of its state alone, such as the products of a
   * recurrent layer's state, so that it takes less time once its inputs are there. For between an
   * inference and the inputs of the next one; no bit changes.
   */
  public void prepare(int modelIndex) {
    models[modelIndex].prepare();
  }

  /** The states of all models and streams, to go on from on a machine of the same program. */
  public byte[] snapshot() {
    return new Snapshot(program, options, models).take();
  }

  /**
   * Goes on from a snapshot of a machine of the same program, mode and number of streams; the
   * number of threads may differ. The bits that follow are those that would have followed there.
   *
   * @throws org.nnirbridge.diagnostic.MalformedFile when it is none, saying why; the states are
   *     then as before
   */
  public void restore(byte[] snapshot) {
    new Snapshot(program, options, models).restore(snapshot);
  }

  /** Puts the states of a model back to what they were before its first inference. */
  public void reset(int modelIndex) {
    models[modelIndex].reset();
  }
}
