package org.nnirbridge.diagnostic;

/** A program needs more of a store than the board has; the model or the board must change. */
public final class DoesNotFit extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * With what is wrong, where, and the way out.
   *
   * @param message in full sentences for whoever must act
   */
  public DoesNotFit(String message) {
    super(message);
  }
}
