package org.nnirbridge.gateway;

import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.List;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.LargeVarBinaryVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.nnirbridge.archive.TensorStream;
import org.nnirbridge.diagnostic.InvalidArgument;

/** Sequences of steps and files as Arrow IPC streams. */
final class ArrowTensors {
  private ArrowTensors() {}

  /** Reads a stream of one binary column of one value. */
  static byte[] readBytes(ReadableByteChannel channel) throws IOException {
    try (ArrowStreamReader reader = new ArrowStreamReader(channel, TensorStream.ALLOCATOR)) {
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
    try (LargeVarBinaryVector column = new LargeVarBinaryVector("bytes", TensorStream.ALLOCATOR)) {
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
    try (ArrowStreamReader reader = new ArrowStreamReader(channel, TensorStream.ALLOCATOR)) {
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
    try (ArrowStreamReader reader = new ArrowStreamReader(channel, TensorStream.ALLOCATOR)) {
      while (reader.loadNextBatch()) {
        // Nobody wants these values.
      }
    }
  }
}
