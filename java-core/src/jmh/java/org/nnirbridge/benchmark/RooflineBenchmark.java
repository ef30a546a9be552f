package org.nnirbridge.benchmark;

import java.util.concurrent.TimeUnit;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.nnirbridge.vm.kernel.KernelChoice;
import org.nnirbridge.vm.kernel.Kernels;
import org.nnirbridge.vm.kernel.Packing;
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
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What this machine can do at most: products a nanosecond with nothing else to do, how soon one
 * product can follow another in a sum, and reading as many bytes as a model's weights have. Run
 * with {@code -t 2} for two threads.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Thread)
@Fork(1)
@Threads(1)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class RooflineBenchmark {
  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final int LONG = 1000;
  private static final int WIDTH = 64;
  private static final int INPUTS = 256;
  private static final int SUMS = 16;

  /** Where weights start, on a cache line as in a plan. */
  private static final int WEIGHTS = 12;

  private final float[] memory = new float[2 * WIDTH + INPUTS];
  private final int[] words = new int[1 << 17];
  private Kernels kernels;

  @Setup
  public void load() {
    kernels = KernelChoice.create(true);
  }

  /** How the weights are packed. */
  @State(Scope.Thread)
  public static class Form {
    @Param public Packing packing;
  }

  /** One tile whose weights stay in the first caches: products a nanosecond. */
  @Benchmark
  @OperationsPerInvocation(WIDTH * INPUTS)
  public float[] products(Form form) {
    kernels.addProducts(
        memory, 0, WIDTH, WIDTH, 2 * WIDTH, INPUTS, words, form.packing, WEIGHTS, 1, 0, 0, 0, 0);
    return memory;
  }

  /** Streams of it, whose weights are unpacked once. */
  @State(Scope.Thread)
  public static class Streams {
    private static final int COUNT = 16;
    private final float[] memory = new float[COUNT * (2 * WIDTH + INPUTS)];
  }

  /** The same for many streams at once. */
  @Benchmark
  @OperationsPerInvocation(WIDTH * INPUTS * Streams.COUNT)
  public float[] productsOfStreams(Form form, Streams streams) {
    float[] values = streams.memory;
    int stride = values.length / Streams.COUNT;
    kernels.addProducts(
        values,
        0,
        WIDTH,
        WIDTH,
        2 * WIDTH,
        INPUTS,
        words,
        form.packing,
        WEIGHTS,
        Streams.COUNT,
        stride,
        stride,
        stride,
        0);
    return values;
  }

  /** So few sums that each product waits for the one before: products of one sum a nanosecond. */
  @Benchmark
  @OperationsPerInvocation(INPUTS)
  public float[] productsOfOneSum() {
    kernels.addProducts(
        memory, 0, WIDTH, SUMS, 2 * WIDTH, INPUTS, words, Packing.PAIRS, WEIGHTS, 1, 0, 0, 0, 0);
    return memory;
  }

  /** In registers, with nothing to load: multiply-adds of whole vectors a nanosecond. */
  @Benchmark
  @OperationsPerInvocation(8 * LONG)
  public FloatVector multiplyAdds() {
    FloatVector x = FloatVector.broadcast(FLOATS, memory[0]);
    FloatVector a = x;
    FloatVector b = x;
    FloatVector c = x;
    FloatVector d = x;
    FloatVector e = x;
    FloatVector f = x;
    FloatVector g = x;
    FloatVector h = x;
    for (int i = 0; i < LONG; i++) {
      a = x.fma(x, a);
      b = x.fma(x, b);
      c = x.fma(x, c);
      d = x.fma(x, d);
      e = x.fma(x, e);
      f = x.fma(x, f);
      g = x.fma(x, g);
      h = x.fma(x, h);
    }
    return a.add(b).add(c).add(d).add(e).add(f).add(g).add(h);
  }

  /** As many bytes as the weights of an LSTM of the workloads have. */
  @State(Scope.Thread)
  public static class Weights {
    @Param({"1800", "10900", "43300"})
    public int kibibytes;

    private int[] words;

    @Setup
    public void load() {
      words = new int[WEIGHTS + kibibytes * (1024 / Integer.BYTES)];
    }
  }

  /** Reading all bytes once: a time. */
  @Benchmark
  @BenchmarkMode(Mode.AverageTime)
  @OutputTimeUnit(TimeUnit.MICROSECONDS)
  public int read(Weights weights) {
    int[] values = weights.words;
    int lanes = INTS.length();
    IntVector a = IntVector.zero(INTS);
    IntVector b = a;
    for (int i = WEIGHTS; i < values.length; i += 2 * lanes) {
      a = a.or(IntVector.fromArray(INTS, values, i));
      b = b.or(IntVector.fromArray(INTS, values, i + lanes));
    }
    return a.or(b).reduceLanes(VectorOperators.OR);
  }
}
