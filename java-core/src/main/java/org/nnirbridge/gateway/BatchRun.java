package org.nnirbridge.gateway;

import java.nio.FloatBuffer;

/** Does the inferences of one batch of steps. */
interface BatchRun {
  void run(int steps, FloatBuffer[] inputs, FloatBuffer[] outputs);
}
