package org.nnirbridge.vm.kernel.simd;

/**
 * Something done on lanes, a whole number of vectors.
 *
 * <p>The JIT compiler keeps vectors in registers only in code that it inlines as a whole, and gives
 * up in the middle of large code. So a loop is small, and called where the compiler cannot know
 * which one comes.
 */
interface Loop {
  /**
   * Computes lanes of {@code to} from those of up to three arrays, each from an offset on. The
   * target may be one of the sources.
   */
  void run(float[] a, int i, float[] b, int j, float[] c, int k, float[] to, int target, int count);
}
