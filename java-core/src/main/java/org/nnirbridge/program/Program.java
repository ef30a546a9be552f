package org.nnirbridge.program;

import java.util.List;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.hardware.Timing;

/**
 * A compiled program: what each core is loaded with, and for each model what each core runs. Equal
 * only to itself.
 */
public final class Program {
  private final HardwareConfig config;
  private final List<CoreImage> images;
  private final List<Model> models;

  /** Made on first use, for it takes the whole file. */
  private volatile byte[] digest = {};

  public Program(HardwareConfig config, List<CoreImage> images, List<Model> models) {
    this.config = config;
    this.images = List.copyOf(images);
    this.models = List.copyOf(models);
  }

  /** The board that it is for. */
  public HardwareConfig config() {
    return config;
  }

  /** What each core is loaded with. */
  public List<CoreImage> images() {
    return images;
  }

  public List<Model> models() {
    return models;
  }

  /** The same instructions on a board whose units take other times. */
  public Program withTiming(Timing timing) {
    return new Program(config.withTiming(timing), images, models);
  }

  /** The SHA-256 of the program's file, by which others know it again. */
  public byte[] digest() {
    if (digest.length == 0) {
      digest = ProgramFormat.storedDigest(ProgramWriter.toBytes(this));
    }
    return digest.clone();
  }

  /** How much of each core the program uses. */
  public Metrics metrics() {
    return Metrics.of(this);
  }
}
