package org.nnirbridge.diagnostic;

/** A compiler invariant is broken; the maintainers of this project must act. */
public final class CompilerBug extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * With what is wrong, where, and the way out.
   *
   * @param message in full sentences for whoever must act
   */
  public CompilerBug(String message) {
    super(message);
  }
}
