package org.nnirbridge.benchmark;

import java.util.concurrent.TimeUnit;
import org.nnirbridge.Models;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.program.Program;
import org.nnirbridge.program.ProgramReader;
import org.nnirbridge.program.ProgramWriter;
import org.nnirbridge.vm.VirtualMachine;
import org.nnirbridge.vm.VmMode;
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

/** What a model costs before its first inference, for 0.9 and 22 million weights. */
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@State(Scope.Benchmark)
@Fork(1)
@Warmup(iterations = 5)
@Measurement(iterations = 10)
public class CompileBenchmark {
  @Param({Workloads.LSTM_2X256, Workloads.LSTM_3X960})
  public String workload;

  private HardwareConfig board;
  private Graph graph;
  private byte[] file;

  @Setup
  public void build() {
    board = Workloads.board(workload);
    graph = Workloads.graph(workload);
    file = ProgramWriter.toBytes(Models.compile(board, graph));
  }

  /** From the streamed graph to the program. */
  @Benchmark
  public Program compile() {
    return Models.compile(board, graph);
  }

  /** From a program file to a virtual machine that is ready to run. */
  @Benchmark
  public VirtualMachine load() {
    return new VirtualMachine(ProgramReader.fromBytes(file), VmMode.BIT_ACCURATE);
  }
}
