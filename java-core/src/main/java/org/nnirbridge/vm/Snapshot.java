package org.nnirbridge.vm;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.List;
import org.nnirbridge.diagnostic.MalformedFile;
import org.nnirbridge.program.Program;
import org.nnirbridge.vm.plan.ModelPlan;

/**
 * The state of a machine as bytes, which another machine of the same program can go on from
 * (virtual-machine.md).
 */
final class Snapshot {
  private static final byte[] MAGIC = {(byte) 0x89, 'N', 'N', 'S', 'S', '\r', '\n', 0x1A};
  private static final int VERSION = 1;
  private static final int DIGEST_BYTES = 32;
  private static final int CELL_BYTES = 4 * Integer.BYTES;
  private static final int HEADER_BYTES = MAGIC.length + 4 * Integer.BYTES + DIGEST_BYTES;

  private Snapshot() {}

  static byte[] of(Program program, VmOptions options, ModelRun[] models) {
    ByteBuffer bytes = ByteBuffer.allocate(size(program, options, models));
    bytes.order(ByteOrder.LITTLE_ENDIAN);
    writeHeader(bytes, program, options, models);
    for (ModelRun model : models) {
      for (int stream = 0; stream < options.streams(); stream++) {
        model.readState(stream, bytes);
      }
    }
    bytes.put(sha256(bytes.array(), bytes.position()));
    return bytes.array();
  }

  /**
   * Puts the state of a snapshot into a machine's models, or leaves them as they are.
   *
   * @throws MalformedFile when it is no whole snapshot of such a machine, saying why
   */
  static void restore(byte[] snapshot, Program program, VmOptions options, ModelRun[] models) {
    ByteBuffer bytes = ByteBuffer.wrap(snapshot).order(ByteOrder.LITTLE_ENDIAN);
    checkWhole(bytes);
    checkOrigin(bytes, program, options);
    ByteBuffer expected = ByteBuffer.allocate(size(program, options, models));
    expected.order(ByteOrder.LITTLE_ENDIAN);
    writeHeader(expected, program, options, models);
    int header = expected.position();
    boolean same = Arrays.equals(snapshot, 0, header, expected.array(), 0, header);
    if (!same || snapshot.length != expected.capacity()) {
      throw new MalformedFile(
          "the snapshot keeps another state than this machine has; take it again with this release");
    }
    bytes.position(header);
    for (ModelRun model : models) {
      model.reset();
      for (int stream = 0; stream < options.streams(); stream++) {
        model.writeState(stream, bytes);
      }
    }
  }

  private static int size(Program program, VmOptions options, ModelRun[] models) {
    long values = 0;
    long cells = 0;
    for (ModelRun model : models) {
      cells += model.state().size();
      values += model.stateValues() * options.streams();
    }
    long size =
        HEADER_BYTES
            + (long) models.length * Integer.BYTES
            + cells * CELL_BYTES
            + values * Float.BYTES
            + DIGEST_BYTES;
    if (size > Integer.MAX_VALUE - 8) {
      throw new MalformedFile(
          "a snapshot of %d streams would take %d bytes; use machines of fewer streams"
              .formatted(options.streams(), size));
    }
    return (int) size;
  }

  private static void writeHeader(
      ByteBuffer bytes, Program program, VmOptions options, ModelRun[] models) {
    bytes.put(MAGIC).putInt(VERSION).put(program.digest());
    bytes.putInt(options.mode().ordinal()).putInt(options.streams()).putInt(models.length);
    for (ModelRun model : models) {
      List<ModelPlan.StateCell> cells = model.state();
      bytes.putInt(cells.size());
      for (ModelPlan.StateCell cell : cells) {
        bytes.putInt(cell.block().core()).putInt(cell.block().window());
        bytes.putInt(cell.block().offset()).putInt(model.entries(cell));
      }
    }
  }

  private static void checkWhole(ByteBuffer bytes) {
    byte[] content = bytes.array();
    if (!Arrays.equals(Arrays.copyOf(content, MAGIC.length), MAGIC)) {
      throw new MalformedFile(
          "not a snapshot: it does not start with a snapshot's mark; give what VM.snapshot returned");
    }
    if (content.length < HEADER_BYTES + DIGEST_BYTES) {
      throw new MalformedFile(
          "the snapshot is cut short: it has only %d bytes".formatted(content.length));
    }
    int version = bytes.getInt(MAGIC.length);
    if (version != VERSION) {
      throw new MalformedFile(
          "the snapshot has format version %d, this release reads version %d; take it again"
              .formatted(version, VERSION));
    }
    int end = content.length - DIGEST_BYTES;
    byte[] stored = Arrays.copyOfRange(content, end, content.length);
    if (!MessageDigest.isEqual(stored, sha256(content, end))) {
      throw new MalformedFile(
          "the snapshot is damaged: its checksum does not match its content; take or copy it again");
    }
  }

  private static void checkOrigin(ByteBuffer bytes, Program program, VmOptions options) {
    byte[] digest = new byte[DIGEST_BYTES];
    bytes.position(MAGIC.length + Integer.BYTES).get(digest);
    if (!Arrays.equals(digest, program.digest())) {
      throw new MalformedFile(
          "the snapshot is of another program; restore it on a machine of the program it was taken of");
    }
    int mode = bytes.getInt();
    VmMode[] modes = VmMode.values();
    if (mode != options.mode().ordinal()) {
      throw new MalformedFile(
          "the snapshot is of a machine in mode %s, this one is in mode %s; make a machine like it"
              .formatted(mode >= 0 && mode < modes.length ? modes[mode] : mode, options.mode()));
    }
    int streams = bytes.getInt();
    if (streams != options.streams()) {
      throw new MalformedFile(
          "the snapshot is of a machine with %d streams, this one has %d; make one with num_streams=%d"
              .formatted(streams, options.streams(), streams));
    }
  }

  private static byte[] sha256(byte[] bytes, int length) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(bytes, 0, length);
      return digest.digest();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
