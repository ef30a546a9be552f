package org.nnirbridge.gateway;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.LargeVarBinaryVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.nnirbridge.diagnostic.InvalidArgument;

/** Tensors, sequences of steps and program bytes as Arrow IPC streams. */
final class ArrowTensors {
  static final BufferAllocator ALLOCATOR = new RootAllocator();

  private ArrowTensors() {}

  /** Reads a stream of one float32 column; each batch is one tensor in row-major order. */
  static List<float[]> readTensors(ReadableByteChannel channel) throws IOException {
    List<float[]> tensors = new ArrayList<>();
    try (ArrowStreamReader reader = new ArrowStreamReader(channel, ALLOCATOR)) {
      VectorSchemaRoot batch = reader.getVectorSchemaRoot();
      while (reader.loadNextBatch()) {
        if (!(batch.getVector(0) instanceof Float4Vector column)) {
          throw new InvalidArgument("tensors cross as float32 columns");
        }
        float[] values = new float[column.getValueCount()];
        floats(column.getDataBuffer(), values.length).get(values);
        tensors.add(values);
      }
    }
    return tensors;
  }

  /** Reads a stream of one binary column of one value. */
  static byte[] readBytes(ReadableByteChannel channel) throws IOException {
    try (ArrowStreamReader reader = new ArrowStreamReader(channel, ALLOCATOR)) {
      VectorSchemaRoot batch = reader.getVectorSchemaRoot();
      byte[] bytes = new byte[0];
      while (reader.loadNextBatch()) {
        if (!(batch.getVector(0) instanceof LargeVarBinaryVector column)) {
          throw new InvalidArgument("bytes cross as a large binary column");
        }
        bytes = column.get(0);
      }
      return bytes;
    }
  }

  static void writeBytes(byte[] bytes, WritableByteChannel channel) throws IOException {
    try (LargeVarBinaryVector column = new LargeVarBinaryVector("bytes", ALLOCATOR)) {
      column.allocateNew(bytes.length, 1);
      column.setSafe(0, bytes);
      column.setValueCount(1);
      try (VectorSchemaRoot batch = new VectorSchemaRoot(List.of((FieldVector) column));
          ArrowStreamWriter writer = new ArrowStreamWriter(batch, null, channel)) {
        batch.setRowCount(1);
        writer.writeBatch();
      }
    }
  }

  /**
   * Reads all batches of steps, runs each, and returns the outputs, a batch for each batch.
   *
   * <p>The stream is read to its end even when a run fails, so that the channel can be used on.
   */
  static StepResults runBatches(ReadableByteChannel channel, StepLayout layout, BatchRun run)
      throws IOException {
    StepResults results = new StepResults(layout);
    try (ArrowStreamReader reader = new ArrowStreamReader(channel, ALLOCATOR)) {
      VectorSchemaRoot batch = reader.getVectorSchemaRoot();
      while (reader.loadNextBatch()) {
        if (results.failure() == null) {
          results.add(batch, run);
        }
      }
      return results;
    } catch (IOException | RuntimeException | Error e) {
      results.close();
      throw e;
    }
  }

  /** Reads a stream to its end. */
  static void skip(ReadableByteChannel channel) throws IOException {
    try (ArrowStreamReader reader = new ArrowStreamReader(channel, ALLOCATOR)) {
      while (reader.loadNextBatch()) {
        // Nobody wants these values.
      }
    }
  }

  static FloatBuffer floats(ArrowBuf buffer, int count) {
    ByteBuffer bytes = buffer.nioBuffer(0, Math.multiplyExact(count, Float.BYTES));
    return bytes.order(ByteOrder.nativeOrder()).asFloatBuffer();
  }
}
