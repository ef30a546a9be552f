package org.nnirbridge.diagnostic;

/** The model asks for something this compiler does not do; the model's author must act. */
public final class UnsupportedModel extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * With what is wrong, where, and the way out.
   *
   * @param message in full sentences for whoever must act
   */
  public UnsupportedModel(String message) {
    super(message);
  }
}
