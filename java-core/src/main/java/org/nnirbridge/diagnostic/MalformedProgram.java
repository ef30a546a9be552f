package org.nnirbridge.diagnostic;

/** Bytes that should be a program are not a valid one; whoever made the file must act. */
public final class MalformedProgram extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * With what is wrong, where, and the way out.
   *
   * @param message in full sentences for whoever must act
   */
  public MalformedProgram(String message) {
    super(message);
  }
}
