package org.nnirbridge.program;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.nnirbridge.diagnostic.MalformedProgram;

/** Reads what {@link SectionWriter} wrote and trusts none of it. */
final class SectionReader {
  private final String section;
  private final ByteBuffer bytes;

  SectionReader(String section, ByteBuffer bytes) {
    this.section = section;
    this.bytes = bytes.order(ByteOrder.LITTLE_ENDIAN);
  }

  MalformedProgram malformed(String what) {
    return new MalformedProgram("section " + section + ", byte " + bytes.position() + ": " + what);
  }

  int integer() {
    int value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      if (!bytes.hasRemaining()) {
        throw malformed("ends within a number");
      }
      int next = bytes.get();
      value |= (next & 0x7F) << shift;
      if ((next & 0x80) == 0) {
        return value;
      }
    }
    throw malformed("a number is longer than 32 bits");
  }

  int integer(String what, int least, int most) {
    int value = integer();
    if (value < least || value > most) {
      throw malformed(what + " is " + value + ", not from " + least + " to " + most);
    }
    return value;
  }

  /** A length of items that take at least one byte each. */
  int length(int bytesPerItem) {
    int length = integer();
    if (length < 0 || (long) length * bytesPerItem > bytes.remaining()) {
      throw malformed("a list of " + length + " items does not fit the section");
    }
    return length;
  }

  <T> List<T> list(Supplier<T> item) {
    int length = length(1);
    List<T> items = new ArrayList<>(length);
    for (int i = 0; i < length; i++) {
      items.add(item.get());
    }
    return items;
  }

  byte[] bytes() {
    byte[] values = new byte[length(1)];
    bytes.get(values);
    return values;
  }

  String text() {
    return new String(bytes(), StandardCharsets.UTF_8);
  }

  /** All that is left of the section, as text. */
  String rest() {
    byte[] encoded = new byte[bytes.remaining()];
    bytes.get(encoded);
    return new String(encoded, StandardCharsets.UTF_8);
  }

  float[] floats() {
    float[] values = new float[length(Float.BYTES)];
    bytes.asFloatBuffer().get(values);
    bytes.position(bytes.position() + values.length * Float.BYTES);
    return values;
  }

  void end() {
    if (bytes.hasRemaining()) {
      throw malformed(bytes.remaining() + " bytes too many");
    }
  }
}
