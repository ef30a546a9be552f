package org.nnirbridge.program;

import java.util.List;
import org.nnirbridge.hardware.HardwareConfig;

/** A compiled program: what each core is loaded with, and for each model what each core runs. */
public record Program(HardwareConfig config, List<CoreImage> images, List<Model> models) {
  public Program {
    images = List.copyOf(images);
    models = List.copyOf(models);
  }

  /** How much of each core the program uses. */
  public Metrics metrics() {
    return Metrics.of(this);
  }
}
