package org.nnirbridge.diagnostic;

import java.util.Map;

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

  /**
   * Refuses all operations that are not supported at once, if there are any.
   *
   * @param found how often each was found, such as {@code unsupported function 'fft_fft'}
   */
  public static void refuseAll(Map<String, Integer> found) {
    if (!found.isEmpty()) {
      StringBuilder message =
          new StringBuilder("Unsupported operations encountered translating to Vollo NNIR:");
      found.forEach(
          (what, count) -> message.append("\n  ").append(what).append(": found ").append(count));
      throw new UnsupportedModel(message.toString());
    }
  }
}
