package org.nnirbridge.diagnostic;

/** A call got an argument that it cannot take; the caller must act. */
public final class InvalidArgument extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public InvalidArgument(String message) {
    super(message);
  }
}
