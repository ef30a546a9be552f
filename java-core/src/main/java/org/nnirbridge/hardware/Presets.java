package org.nnirbridge.hardware;

import java.util.List;
import org.nnirbridge.diagnostic.InvalidArgument;

/** The boards that have a name. Depths that are not published are this project's choice. */
public final class Presets {
  private static final Timing AGILEX = new Timing(27, 2, 7, 14, 5, 10, 11, 23, 18, 4, 8);
  private static final Timing VERSAL = new Timing(22, 2, 4, 14, 3, 10, 11, 23, 18, 4, 8);

  private static final HostLink AGILEX_HOST = new HostLink(1000, 4);
  private static final HostLink VERSAL_HOST = new HostLink(850, 50);

  private Presets() {}

  /** The way to the host of a fabric's boards. */
  static HostLink host(String fabric) {
    return "versal".equals(fabric) ? VERSAL_HOST : AGILEX_HOST;
  }

  /** The timing of a fabric's units. */
  static Timing timing(String fabric) {
    return "versal".equals(fabric) ? VERSAL : AGILEX;
  }

  /** The names of all presets. */
  public static List<String> names() {
    return List.of(
        "bittware_ia420f_c6b32",
        "bittware_ia840f_c3b64",
        "bittware_ia840f_c2b64d",
        "napatech_nt400d11_c6b32",
        "amd_v80_c6b32",
        "amd_v80ll_c6b32",
        "silicom_artena_c8b32",
        "silicom_artena_c8b32lstm");
  }

  /** The preset of a name; throws InvalidArgument with all names when there is none. */
  public static HardwareConfig byName(String name) {
    return switch (name) {
      case "bittware_ia420f_c6b32", "napatech_nt400d11_c6b32" -> agilex(name, 6, 32, 512, 0);
      case "bittware_ia840f_c3b64" -> agilex(name, 3, 64, 512, 0);
      case "bittware_ia840f_c2b64d" -> agilex(name, 2, 64, 1024, 0);
      case "amd_v80_c6b32" -> versal(name, 300);
      case "amd_v80ll_c6b32" -> versal(name, 330);
      case "silicom_artena_c8b32" -> agilex(name, 8, 32, 4096, 2048);
      case "silicom_artena_c8b32lstm" -> lstmOnly(agilex(name, 8, 32, 4096, 2048));
      default ->
          throw new InvalidArgument("config: no preset " + name + "; the presets are " + names());
    };
  }

  /** An IP core of a given size, with the other figures of the Agilex boards. */
  public static HardwareConfig ipCore(int numCores, int blockSize) {
    return new HardwareConfig(
        "ip_core_c" + numCores + "b" + blockSize,
        numCores,
        blockSize,
        16384,
        4096,
        512,
        512,
        512,
        256,
        4096,
        blockSize,
        "agilex",
        320,
        List.of(),
        AGILEX,
        AGILEX_HOST);
  }

  private static HardwareConfig agilex(
      String name, int cores, int blockSize, int weightDepth, int cellDepth) {
    return new HardwareConfig(
        name,
        cores,
        blockSize,
        16384,
        4096,
        weightDepth,
        512,
        cellDepth == 0 ? 512 : cellDepth,
        256,
        4096,
        32,
        "agilex",
        320,
        List.of(),
        AGILEX,
        AGILEX_HOST);
  }

  private static HardwareConfig versal(String name, int clockMhz) {
    return new HardwareConfig(
        name,
        6,
        32,
        262144,
        4096,
        4096,
        512,
        2048,
        256,
        4096,
        32,
        "versal",
        clockMhz,
        List.of("fp8"),
        VERSAL,
        VERSAL_HOST);
  }

  private static HardwareConfig lstmOnly(HardwareConfig board) {
    return new HardwareConfig(
        board.name(),
        board.numCores(),
        board.blockSize(),
        board.tensorRamDepth(),
        board.tensorDescriptorCount(),
        board.weightStoreDepth(),
        board.accumStoreDepth(),
        board.cellStateDepth(),
        board.clampStoreDepth(),
        board.maxReadSize(),
        board.ioSize(),
        board.fabric(),
        board.clockMhz(),
        List.of("lstm_only"),
        board.timing(),
        board.host());
  }
}
