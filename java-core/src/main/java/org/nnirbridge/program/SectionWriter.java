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

  SectionWriter bytes(byte[] values) {
    integer(values.length);
    bytes.writeBytes(values);
    return this;
  }

  SectionWriter text(String text) {
    return bytes(text.getBytes(StandardCharsets.UTF_8));
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
