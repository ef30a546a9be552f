package org.nnirbridge.gateway;

import java.nio.FloatBuffer;
import java.util.List;

/** Does the inferences of one batch of steps. */
interface BatchRun {
  void run(int steps, List<FloatBuffer> inputs, List<FloatBuffer> outputs);
}
