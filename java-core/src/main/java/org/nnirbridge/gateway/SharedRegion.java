package org.nnirbridge.gateway;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.nnirbridge.diagnostic.InvalidArgument;

/**
 * The memory that one connection shares with its client: a page of control words, then values.
 *
 * <p>Each word has one writer. The layout is in {@code docs/gateway.md}.
 */
final class SharedRegion {
  static final int VALUES_OFFSET = 4096;

  private static final int REQUEST = 0;
  private static final int VM_HANDLE = 8;
  private static final int MODEL_INDEX = 16;
  private static final int ROUNDING = 24;
  private static final int WAITED = 32;
  private static final int CANCEL = 64;
  private static final int RESPONSE = 128;
  private static final int STATUS = 136;
  private static final int ERROR_BYTES = 144;
  private static final int CROWDED = 152;
  private static final int CLIENT_SLEEPS = 192;
  private static final int GATEWAY_SLEEPS = 256;
  private static final int ERROR_TEXT = 1024;
  private static final VarHandle WORD =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());

  private final MappedByteBuffer memory;
  private long served;

  private SharedRegion(MappedByteBuffer memory) {
    this.memory = memory;
    memory.order(ByteOrder.nativeOrder());
  }

  static SharedRegion map(Path file, long bytes) throws IOException {
    if (bytes <= VALUES_OFFSET || bytes > Integer.MAX_VALUE) {
      throw new InvalidArgument("a shared region cannot have " + bytes + " bytes");
    }
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      if (channel.size() < bytes) {
        throw new InvalidArgument("the file of the shared region is too short");
      }
      return new SharedRegion(channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes));
    }
  }

  boolean requested() {
    return (long) WORD.getVolatile(memory, REQUEST) != served;
  }

  /** Polls for a request for at most about that long. */
  boolean poll(long nanos) {
    long start = System.nanoTime();
    do {
      for (int i = 0; i < 64; i++) {
        if (requested()) {
          return true;
        }
        Thread.onSpinWait();
      }
    } while (System.nanoTime() - start < nanos);
    return false;
  }

  long vmHandle() {
    return memory.getLong(VM_HANDLE);
  }

  int modelIndex() {
    return Math.toIntExact(memory.getLong(MODEL_INDEX));
  }

  boolean roundsToNearestEven() {
    return memory.getLong(ROUNDING) != 0;
  }

  /** How many nanoseconds the client waited for the model's last step, 0 if unknown. */
  long waited() {
    return memory.getLong(WAITED);
  }

  boolean cancelled() {
    return (long) WORD.getVolatile(memory, CANCEL) != 0;
  }

  /** The values at an offset from the start of the value part. */
  FloatBuffer values(PortSlot slot) {
    return memory
        .slice(Math.addExact(VALUES_OFFSET, slot.offset()), slot.length() * Float.BYTES)
        .order(ByteOrder.nativeOrder())
        .asFloatBuffer();
  }

  boolean holds(StepLayout layout) {
    return memory.capacity() - VALUES_OFFSET >= layout.bytes();
  }

  /** Says that a step is done, and whether the next one needs every processor. */
  void respond(boolean crowded) {
    memory.putLong(STATUS, 0);
    memory.putLong(CROWDED, crowded ? 1 : 0);
    publish();
  }

  void respond(String error) {
    byte[] text = error.getBytes(StandardCharsets.UTF_8);
    int length = Math.min(text.length, VALUES_OFFSET - ERROR_TEXT);
    ByteBuffer target = memory.duplicate().position(ERROR_TEXT);
    target.put(text, 0, length);
    memory.putLong(ERROR_BYTES, length);
    memory.putLong(STATUS, 1);
    publish();
  }

  private void publish() {
    served = (long) WORD.getVolatile(memory, REQUEST);
    WORD.setVolatile(memory, RESPONSE, served);
  }

  boolean clientSleeps() {
    return (long) WORD.getVolatile(memory, CLIENT_SLEEPS) != 0;
  }

  void announceSleep() {
    WORD.setVolatile(memory, GATEWAY_SLEEPS, 1L);
  }

  void announceAwake() {
    WORD.setVolatile(memory, GATEWAY_SLEEPS, 0L);
  }
}
