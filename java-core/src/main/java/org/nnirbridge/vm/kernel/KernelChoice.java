package org.nnirbridge.vm.kernel;

/**
 * Chooses the fastest kernels that this JVM can run: SIMD where the module jdk.incubator.vector is
 * there, else scalar. The system property {@value #PROPERTY} set to {@code scalar} forbids SIMD.
 */
public final class KernelChoice {
  /** Names the kernels to use. */
  public static final String PROPERTY = "nnirbridge.kernels";

  private static final String SIMD = "org.nnirbridge.vm.kernel.simd.VectorKernels";

  private KernelChoice() {}

  /**
   * New kernels for one thread.
   *
   * @param rounds whether results are rounded to BF16 where their format is BF16
   */
  public static Kernels create(boolean rounds) {
    ScalarKernels scalar = new ScalarKernels(rounds);
    boolean simd = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    if (!simd || "scalar".equals(System.getProperty(PROPERTY))) {
      return scalar;
    }
    try {
      return (Kernels)
          Class.forName(SIMD)
              .getConstructor(boolean.class, ScalarKernels.class)
              .newInstance(rounds, scalar);
    } catch (ReflectiveOperationException | LinkageError e) {
      return scalar;
    }
  }
}
