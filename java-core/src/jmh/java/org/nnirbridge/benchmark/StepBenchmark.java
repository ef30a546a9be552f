package org.nnirbridge.benchmark;

import java.nio.FloatBuffer;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** One inference of each workload on the virtual machine, without Python. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@State(Scope.Benchmark)
@Fork(1)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class StepBenchmark {
  @Param({
    Workloads.MLP,
    Workloads.CNN,
    Workloads.LSTM_2X256,
    Workloads.LSTM_2X256_SEQUENCE,
    Workloads.LSTM_3X480,
    Workloads.LSTM_3X960,
    Workloads.LSTM_2X256_FP8,
    Workloads.LSTM_3X960_FP8
  })
  public String workload;

  @Param({"1", "2"})
  public int threads;

  private MachineStep machine;

  @Setup
  public void load() {
    machine = new MachineStep(Workloads.program(workload), threads, 1);
  }

  @Benchmark
  public FloatBuffer[] step() {
    return machine.run();
  }
}
