package org.nnirbridge.program;

import java.util.Arrays;
import java.util.List;
import org.nnirbridge.file.MarkedFile;

/** The constants of the program file (program-format.md). */
final class ProgramFormat {
  static final byte[] MAGIC = {(byte) 0x89, 'N', 'N', 'I', 'R', '\r', '\n', 0x1A};
  static final int VERSION = 2;
  static final int DIGEST_BYTES = 32;

  /** The sections in the order in which they lie in the file. */
  static final List<String> SECTIONS = List.of("CONF", "MODL", "CODE", "CNST", "WGHT");

  private ProgramFormat() {}

  /** The digest at the end of a program file. */
  static byte[] storedDigest(byte[] file) {
    return Arrays.copyOfRange(file, file.length - DIGEST_BYTES, file.length);
  }

  static byte[] digest(byte[] bytes, int length) {
    return MarkedFile.sha256(bytes, length);
  }
}
