package org.nnirbridge.diagnostic;

/** A compiler invariant is broken; the maintainers of this project must act. */
public final class CompilerBug extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public CompilerBug(String message) {
    super(message);
  }
}
