package org.nnirbridge.diagnostic;

/**
 * Bytes that should be a snapshot or a stored graph are not a valid one; whoever made them must
 * act.
 */
public final class MalformedFile extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * With what is wrong, where, and the way out.
   *
   * @param message in full sentences for whoever must act
   */
  public MalformedFile(String message) {
    super(message);
  }
}
