package org.nnirbridge.benchmark;

import java.nio.FloatBuffer;
import java.util.concurrent.TimeUnit;
import org.nnirbridge.Models;
import org.nnirbridge.hardware.Presets;
import org.nnirbridge.nnir.op.Unary;
import org.nnirbridge.numerics.UnaryFunction;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Each function of one value: its scalar definition, and a layer of it on the machine. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@OperationsPerInvocation(FunctionBenchmark.VALUES)
@State(Scope.Benchmark)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class FunctionBenchmark {
  static final int VALUES = 4096;

  @Param public UnaryFunction function;

  private final float[] values = new float[VALUES];
  private final float[] results = new float[VALUES];
  private MachineStep machine;

  @Setup
  public void load() {
    Models models = new Models(1);
    System.arraycopy(models.tensor(VALUES).values(), 0, values, 0, VALUES);
    int layer = models.add("function", new Unary(function), models.input(VALUES));
    machine = new MachineStep(Models.compile(Presets.byName("amd_v80_c6b32"), models.build(layer)));
  }

  @Benchmark
  public float[] scalar() {
    for (int i = 0; i < VALUES; i++) {
      results[i] = function.apply(values[i]);
    }
    return results;
  }

  /** Includes the conversion of inputs and outputs. */
  @Benchmark
  public FloatBuffer[] machine() {
    return machine.run();
  }
}
