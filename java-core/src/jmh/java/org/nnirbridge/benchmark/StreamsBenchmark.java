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

/** One inference of many streams at once; divide by their number for the time of one. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@State(Scope.Benchmark)
@Fork(1)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class StreamsBenchmark {
  @Param({Workloads.LSTM_2X256, Workloads.LSTM_3X960})
  public String workload;

  @Param({"1", "2"})
  public int threads;

  @Param({"1", "4", "64"})
  public int streams;

  private MachineStep machine;

  @Setup
  public void load() {
    machine = new MachineStep(Workloads.program(workload), threads, streams);
  }

  @Benchmark
  public FloatBuffer[] step() {
    return machine.run();
  }
}
