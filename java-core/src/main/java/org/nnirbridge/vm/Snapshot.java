package org.nnirbridge.vm;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.nnirbridge.diagnostic.MalformedFile;
import org.nnirbridge.file.MarkedFile;
import org.nnirbridge.program.Program;
import org.nnirbridge.vm.plan.ModelPlan;

/**
 * The state of a machine as bytes, which another machine of the same program can go on from
 * (virtual-machine.md).
 */
final class Snapshot {
  private static final MarkedFile KIND =
      new MarkedFile("SS", 1, "snapshot", "what VM.snapshot returned", "take it again");
  private static final int CELL_BYTES = 4 * Integer.BYTES;

  /** What a Java array can hold. */
  private static final int MOST_BYTES = Integer.MAX_VALUE - 64;

  private final Program program;
  private final VmOptions options;
  private final ModelStreams[] models;

  /** The snapshots of one machine. */
  Snapshot(Program program, VmOptions options, ModelStreams[] models) {
    this.program = program;
    this.options = options;
    this.models = models;
  }

  byte[] take() {
    ByteBuffer bytes = header();
    for (ModelStreams model : models) {
      model.readState(bytes);
    }
    return KIND.around(bytes.array());
  }

  /**
   * Puts the state of a snapshot into the models, or leaves them as they are.
   *
   * @throws MalformedFile when it is no whole snapshot of such a machine, saying why
   */
  void restore(byte[] snapshot) {
    ByteBuffer bytes = KIND.contentOf(snapshot);
    checkOrigin(bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN));
    ByteBuffer own = header();
    boolean sameState =
        bytes.capacity() == own.capacity()
            && bytes.slice(0, own.position()).equals(own.slice(0, own.position()));
    if (!sameState) {
      throw new MalformedFile(
          "the snapshot keeps another state than this machine has; take it again with this release");
    }
    bytes.position(own.position());
    for (ModelStreams model : models) {
      model.reset();
      model.writeState(bytes);
    }
  }

  /** A buffer for a whole snapshot with what describes its machine at the beginning. */
  private ByteBuffer header() {
    byte[] digest = program.digest();
    long size = digest.length + 3L * Integer.BYTES;
    for (ModelStreams model : models) {
      size += Integer.BYTES + (long) model.state().size() * CELL_BYTES;
      size += model.stateValues() * options.streams() * Float.BYTES;
    }
    if (size > MOST_BYTES) {
      throw new MalformedFile(
          "a snapshot of %d streams would take %d bytes; use machines of fewer streams"
              .formatted(options.streams(), size));
    }
    ByteBuffer bytes = ByteBuffer.allocate((int) size).order(ByteOrder.LITTLE_ENDIAN);
    bytes.put(digest).putInt(options.mode().ordinal()).putInt(options.streams());
    bytes.putInt(models.length);
    for (ModelStreams model : models) {
      bytes.putInt(model.state().size());
      for (ModelPlan.StateCell cell : model.state()) {
        bytes.putInt(cell.block().core()).putInt(cell.block().window());
        bytes.putInt(cell.block().offset()).putInt(model.entries(cell));
      }
    }
    return bytes;
  }

  private void checkOrigin(ByteBuffer bytes) {
    byte[] digest = program.digest();
    if (bytes.remaining() < digest.length + 2 * Integer.BYTES) {
      throw new MalformedFile("the snapshot does not say of what program it is");
    }
    byte[] origin = new byte[digest.length];
    bytes.get(origin);
    if (!Arrays.equals(origin, digest)) {
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
}
