package org.nnirbridge.gateway;

import java.io.EOFException;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import org.nnirbridge.archive.GraphArchive;
import org.nnirbridge.archive.TensorStream;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.program.Program;
import org.nnirbridge.program.ProgramWriter;

/**
 * One authenticated connection of the data plane: single steps through its shared region,
 * everything larger as Arrow streams on the socket. Used by one thread.
 */
final class DataConnection {
  private static final byte DOORBELL = 'D';
  private static final byte MAP_REGION = 'M';
  private static final byte STEP_BY_PIPES = 'F';
  private static final byte UPLOAD_TENSORS = 'W';
  private static final byte UPLOAD_BYTES = 'B';
  private static final byte DOWNLOAD = 'P';
  private static final byte RUN_STEPS = 'T';
  private static final byte REPLY_DONE = 'K';
  private static final byte REPLY_STREAM = 'A';
  private static final byte REPLY_ERROR = 'E';
  private static final byte REPLY_DOORBELL = 'd';
  private static final int BINDINGS = 64;

  /** The name of the threads that answer steps by pipes, by which the client knows them. */
  private static final String LEADER = "vm-leader";

  private final SocketChannel channel;
  private final OpenChannel stream;
  private final ObjectTable objects;
  private final ByteBuffer small = ByteBuffer.allocateDirect(8).order(ByteOrder.LITTLE_ENDIAN);
  private final SpinBudget budget = new SpinBudget(SpinBudget.pays());
  private final StepBinding[] bindings = new StepBinding[BINDINGS];
  private SharedRegion region;

  DataConnection(SocketChannel channel, ObjectTable objects) {
    this.channel = channel;
    stream = new OpenChannel(channel);
    this.objects = objects;
  }

  /** Serves until the client closes the connection or abandons a call. */
  void serve() throws IOException {
    while (true) {
      if (region != null && awaitStep()) {
        StepBinding stepped = step();
        if (region.clientSleeps()) {
          write(REPLY_DOORBELL);
        }
        prepare(stepped);
      } else {
        byte message = readByte();
        if (region != null) {
          region.announceAwake();
        }
        serve(message);
      }
    }
  }

  /**
   * Polls for a step; false means that the client now rings or writes before it expects a reply.
   */
  private boolean awaitStep() {
    if (region.poll(budget.pollNanos())) {
      return true;
    }
    region.announceSleep();
    if (region.requested()) {
      region.announceAwake();
      return true;
    }
    return false;
  }

  /**
   * Serves a client that gives its processor to the threads of its steps: both sides sleep in a
   * pipe until the other one is done, which wakes the other faster than a socket does.
   */
  private void servePipes(String requests, String responses) throws IOException {
    Thread.currentThread().setName(LEADER);
    try (InputStream bell = new FileInputStream(requests);
        OutputStream answer = new FileOutputStream(responses)) {
      write(REPLY_DONE);
      for (int message = bell.read(); message >= 0; message = bell.read()) {
        if (message == DOORBELL) {
          StepBinding stepped = step();
          // Before the answer, which gives this thread's processor to the client: workers prepare.
          prepare(stepped);
          answer.write(REPLY_DOORBELL);
        } else {
          serve(readByte());
        }
      }
    }
  }

  /** Does the step that is asked for and responds; null where it failed. */
  private StepBinding step() {
    budget.requestArrived();
    try {
      StepBinding binding = binding(region.vmHandle(), region.modelIndex());
      binding.run(region.roundsToNearestEven(), region.waited());
      region.respond(binding.isCrowded());
      return binding;
    } catch (RuntimeException | Error e) {
      region.respond(Envelope.error(e));
      return null;
    }
  }

  /**
   * Does what the next step needs of the state alone, while the client has the last one's results.
   */
  private void prepare(StepBinding stepped) {
    if (stepped != null) {
      stepped.prepare();
    }
    budget.becameIdle();
  }

  private StepBinding binding(long handle, int modelIndex) {
    int place = (int) (handle * 31 + modelIndex) & (BINDINGS - 1);
    StepBinding binding = bindings[place];
    if (binding == null || !binding.is(handle, modelIndex)) {
      VmSession session = objects.get(handle, VmSession.class);
      binding = new StepBinding(handle, modelIndex, session, region);
      bindings[place] = binding;
    }
    return binding;
  }

  private void serve(byte message) throws IOException {
    switch (message) {
      case DOORBELL -> {}
      case STEP_BY_PIPES -> servePipes(readText(), readText());
      case MAP_REGION -> reply(mapRegion(readLong(), readText()));
      case UPLOAD_TENSORS -> {
        objects.put(readLong(), new UploadedTensors(TensorStream.read(stream)));
        write(REPLY_DONE);
      }
      case UPLOAD_BYTES -> {
        objects.put(readLong(), ArrowTensors.readBytes(stream));
        write(REPLY_DONE);
      }
      case DOWNLOAD -> download(readLong());
      case RUN_STEPS -> runSteps(readLong(), (int) readLong(), readLong() != 0);
      default -> throw new IOException("unknown message " + message);
    }
  }

  private String mapRegion(long bytes, String file) {
    return Envelope.around(
        () -> {
          region = SharedRegion.map(Path.of(file), bytes);
          Arrays.fill(bindings, null);
          return true;
        });
  }

  private void reply(String json) throws IOException {
    if (json.equals("true")) {
      write(REPLY_DONE);
    } else {
      replyError(json);
    }
  }

  private void download(long handle) throws IOException {
    byte[] bytes;
    try {
      bytes = bytesOf(objects.get(handle, Object.class));
    } catch (RuntimeException | Error e) {
      replyError(Envelope.error(e));
      return;
    }
    write(REPLY_STREAM);
    ArrowTensors.writeBytes(bytes, stream);
  }

  private static byte[] bytesOf(Object object) {
    if (object instanceof Program program) {
      return ProgramWriter.toBytes(program);
    }
    if (object instanceof Graph graph) {
      return GraphArchive.toBytes(graph);
    }
    if (object instanceof VmSession session) {
      return session.snapshot();
    }
    throw new InvalidArgument("a " + object.getClass().getSimpleName() + " has no bytes");
  }

  private void runSteps(long handle, int modelIndex, boolean nearestEven) throws IOException {
    VmSession session;
    StepLayout layout;
    try {
      session = objects.get(handle, VmSession.class);
      layout = session.layout(modelIndex);
    } catch (RuntimeException e) {
      ArrowTensors.skip(stream);
      replyError(Envelope.error(e));
      return;
    }
    try (StepResults results =
        session.runSequence(
            machine ->
                ArrowTensors.runBatches(
                    stream,
                    layout,
                    (steps, inputs, outputs) -> {
                      for (int step = 0; step < steps; step++) {
                        checkCancelled();
                        machine.run(modelIndex, step, inputs, outputs, nearestEven);
                      }
                    }))) {
      if (results.failure() != null) {
        replyError(Envelope.error(results.failure()));
      } else {
        write(REPLY_STREAM);
        results.write(stream);
        session.prepare(modelIndex);
      }
    }
  }

  private void checkCancelled() {
    if (region != null && region.cancelled()) {
      throw new InvalidArgument("the call was cancelled");
    }
  }

  private void replyError(String json) throws IOException {
    byte[] text = json.getBytes(StandardCharsets.UTF_8);
    write(REPLY_ERROR);
    writeFully(small.clear().putLong(text.length).flip());
    writeFully(ByteBuffer.wrap(text));
  }

  private byte readByte() throws IOException {
    return read(1).get();
  }

  private long readLong() throws IOException {
    return read(Long.BYTES).getLong();
  }

  private String readText() throws IOException {
    int length = Math.toIntExact(readLong());
    ByteBuffer text = ByteBuffer.allocate(length);
    readFully(text);
    return new String(text.array(), StandardCharsets.UTF_8);
  }

  private ByteBuffer read(int bytes) throws IOException {
    readFully(small.clear().limit(bytes));
    return small.flip();
  }

  private void readFully(ByteBuffer target) throws IOException {
    while (target.hasRemaining()) {
      if (channel.read(target) < 0) {
        throw new EOFException("the client closed the connection");
      }
    }
  }

  private void write(byte message) throws IOException {
    writeFully(small.clear().put(message).flip());
  }

  private void writeFully(ByteBuffer source) throws IOException {
    while (source.hasRemaining()) {
      channel.write(source);
    }
  }
}
