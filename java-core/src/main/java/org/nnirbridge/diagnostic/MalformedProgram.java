package org.nnirbridge.diagnostic;

/** Bytes that should be a program are not a valid one; whoever made the file must act. */
public final class MalformedProgram extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public MalformedProgram(String message) {
    super(message);
  }
}
