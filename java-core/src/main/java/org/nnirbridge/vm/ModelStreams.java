package org.nnirbridge.vm;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.List;
import org.nnirbridge.program.Model;
import org.nnirbridge.vm.plan.ModelPlan;
import org.nnirbridge.vm.plan.ProgramPlan;

/**
 * All streams of one model: in one run, whose work the threads share, or in several, one for each
 * thread, which then neither wait for each other nor move values between processors.
 */
final class ModelStreams implements Meeting.Phases {
  /** The phases of threads with streams of their own, of which a meeting has one. */
  private static final int PREPARE = 0;

  private static final int RUN = 1;

  /** They take their inferences at the same time, so that all are always equally far. */
  private final List<ModelRun> runs;

  /** Of the runs, or of the threads that share the only one. */
  private final Meeting meeting;

  /** The inference at hand. */
  private int step;

  private FloatBuffer[] inputs;
  private FloatBuffer[] outputs;
  private boolean roundToNearestEven;

  private ModelStreams(List<ModelRun> runs) {
    this.runs = runs;
    this.meeting = runs.size() > 1 ? new Meeting(this, runs.size()) : runs.get(0).meeting();
  }

  static ModelStreams of(
      Model model, int blockSize, ProgramPlan program, ModelPlan plan, VmOptions options) {
    int threads = Threads.withOwnStreams(options, plan);
    List<ModelRun> runs =
        StreamRange.shared(options.streams(), threads).stream()
            .map(range -> new ModelRun(model, blockSize, program, plan, options, range))
            .toList();
    return new ModelStreams(runs);
  }

  int threads() {
    return meeting.threads();
  }

  /** Whether the next inference needs every processor. */
  boolean isCrowded() {
    return meeting.isCrowded();
  }

  /** Says how long somebody had to wait for the last inference. */
  void waited(long nanos) {
    meeting.waited(nanos);
  }

  void reset() {
    endPreparation();
    runs.forEach(ModelRun::reset);
  }

  /** The blocks of state, in an order that depends on the program alone. */
  List<ModelPlan.StateCell> state() {
    return runs.get(0).state();
  }

  /** How many earlier values a block of state keeps. */
  int entries(ModelPlan.StateCell cell) {
    return runs.get(0).entries(cell);
  }

  /** The values that the state of one stream has. */
  long stateValues() {
    return runs.get(0).stateValues();
  }

  /** Puts each stream's state into a buffer: for each block its entries, the newest first. */
  void readState(ByteBuffer target) {
    runs.forEach(run -> run.readState(target));
  }

  /** Takes each stream's state from what {@link #readState} wrote. */
  void writeState(ByteBuffer source) {
    endPreparation();
    runs.forEach(run -> run.writeState(source));
  }

  /** One inference of each stream; see {@link ModelRun#run}. */
  void run(int step, FloatBuffer[] inputs, FloatBuffer[] outputs, boolean roundToNearestEven) {
    if (runs.size() == 1) {
      runs.get(0).run(step, inputs, outputs, roundToNearestEven);
      return;
    }
    endPreparation();
    this.step = step;
    this.inputs = inputs;
    this.outputs = outputs;
    this.roundToNearestEven = roundToNearestEven;
    Workers.hold(meeting, RUN, RUN + 1);
  }

  /** Does what the next inference needs of the state alone; see {@link ModelRun#prepare}. */
  void prepare() {
    if (runs.size() == 1) {
      runs.get(0).prepare();
    } else {
      endPreparation();
      Workers.begin(meeting, PREPARE, PREPARE + 1);
    }
  }

  /** Waits until the threads with streams of their own have prepared them. */
  private void endPreparation() {
    if (runs.size() > 1) {
      meeting.lead();
    }
  }

  @Override
  public void run(int phase, int part) {
    if (phase == PREPARE) {
      runs.get(part).prepare();
    } else {
      runs.get(part).run(step, inputs, outputs, roundToNearestEven);
    }
  }
}
