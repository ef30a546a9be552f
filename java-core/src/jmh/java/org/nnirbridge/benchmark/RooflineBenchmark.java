package org.nnirbridge.benchmark;

import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.nnirbridge.vm.kernel.KernelChoice;
import org.nnirbridge.vm.kernel.Kernels;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What this machine can do at most: BF16 products a nanosecond with nothing else to do, and bytes a
 * nanosecond from memory. Run with {@code -t 2} for two threads.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Thread)
@Fork(1)
@Threads(1)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class RooflineBenchmark {
  private static final int WIDTH = 64;
  private static final int INPUTS = 256;
  private static final int INTS = 11 << 20;

  private final float[] memory = new float[2 * WIDTH + INPUTS];
  private final int[] pairs = new int[INPUTS / 2 * WIDTH];
  private final int[] large = new int[INTS];
  private final int[] same = new int[INTS];
  private Kernels kernels;

  @Setup
  public void load() {
    kernels = KernelChoice.create(true);
  }

  /** One tile whose weights stay in the first caches: products a nanosecond. */
  @Benchmark
  @OperationsPerInvocation(WIDTH * INPUTS)
  public float[] products() {
    kernels.addProducts(memory, 0, WIDTH, WIDTH, 2 * WIDTH, INPUTS, pairs, 0, 1, memory.length);
    return memory;
  }

  /** Four streams of it, whose weights are unpacked once. */
  @State(Scope.Thread)
  public static class Streams {
    private static final int COUNT = 4;
    private final float[] memory = new float[COUNT * (2 * WIDTH + INPUTS)];
  }

  /** The same for four streams at once. */
  @Benchmark
  @OperationsPerInvocation(WIDTH * INPUTS * Streams.COUNT)
  public float[] productsOfStreams(Streams streams) {
    float[] values = streams.memory;
    int stride = values.length / Streams.COUNT;
    kernels.addProducts(
        values, 0, WIDTH, WIDTH, 2 * WIDTH, INPUTS, pairs, 0, Streams.COUNT, stride);
    return values;
  }

  /** Two arrays of 46 MB read once: bytes a nanosecond. */
  @Benchmark
  @OperationsPerInvocation(2 * INTS * Integer.BYTES)
  public boolean memory() {
    return Arrays.equals(large, same);
  }
}
