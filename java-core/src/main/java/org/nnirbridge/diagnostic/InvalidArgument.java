package org.nnirbridge.diagnostic;

/** A call got an argument that it cannot take; the caller must act. */
public final class InvalidArgument extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  /**
   * With what is wrong, where, and the way out.
   *
   * @param message in full sentences for whoever must act
   */
  public InvalidArgument(String message) {
    super(message);
  }
}
