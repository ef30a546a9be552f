package org.nnirbridge.program;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Writes one section: unsigned LEB128 integers, little-endian float32, length-prefixed text. */
final class SectionWriter {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  SectionWriter integer(int value) {
    int rest = value;
    while ((rest & ~0x7F) != 0) {
      bytes.write(rest & 0x7F | 0x80);
      rest >>>= 7;
    }
    bytes.write(rest);
    return this;
  }

  SectionWriter text(String text) {
    byte[] encoded = text.getBytes(StandardCharsets.UTF_8);
    integer(encoded.length);
    bytes.writeBytes(encoded);
    return this;
  }

  SectionWriter floats(float[] values) {
    integer(values.length);
    ByteBuffer buffer =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    buffer.asFloatBuffer().put(values);
    bytes.writeBytes(buffer.array());
    return this;
  }

  byte[] toBytes() {
    return bytes.toByteArray();
  }
}
