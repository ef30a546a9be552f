package org.nnirbridge.latency;

/**
 * An instruction that has run.
 *
 * @param boundAt when it had waited for the last time; a block of it starts then
 * @param freeAt when the unit could take the next one
 * @param cause the event that it waited for then, by number; {@link #INPUT} or {@link #NOTHING}
 */
record Event(int core, int instruction, Unit unit, long boundAt, long freeAt, int cause) {
  /** It waited for nothing but the start of the inference. */
  static final int NOTHING = -1;

  /** It waited for a word of an input. */
  static final int INPUT = -2;
}
