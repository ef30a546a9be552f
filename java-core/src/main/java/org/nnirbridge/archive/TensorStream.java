package org.nnirbridge.archive;

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
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.nnirbridge.diagnostic.InvalidArgument;

/** Tensors as an Arrow IPC stream: one float32 column, a record batch for each tensor. */
public final class TensorStream {
  /** Where all of Arrow's memory in this process comes from. */
  public static final BufferAllocator ALLOCATOR = new RootAllocator();

  private static final Schema SCHEMA =
      new Schema(
          List.of(
              new Field(
                  "values",
                  FieldType.notNullable(new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE)),
                  List.of())));

  private TensorStream() {}

  /** Reads all tensors, each in row-major order. */
  public static List<float[]> read(ReadableByteChannel channel) throws IOException {
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

  /** Writes tensors. */
  public static void write(List<float[]> tensors, WritableByteChannel channel) throws IOException {
    try (VectorSchemaRoot batch = VectorSchemaRoot.create(SCHEMA, ALLOCATOR);
        ArrowStreamWriter writer = new ArrowStreamWriter(batch, null, channel)) {
      Float4Vector column = (Float4Vector) batch.getVector(0);
      writer.start();
      for (float[] values : tensors) {
        column.allocateNew(values.length);
        column.setValueCount(values.length);
        for (int i = 0; i < values.length; i++) {
          column.set(i, values[i]);
        }
        batch.setRowCount(values.length);
        writer.writeBatch();
      }
      writer.end();
    }
  }

  /** The values in a buffer. */
  public static FloatBuffer floats(ArrowBuf buffer, int count) {
    ByteBuffer bytes = buffer.nioBuffer(0, Math.multiplyExact(count, Float.BYTES));
    return bytes.order(ByteOrder.nativeOrder()).asFloatBuffer();
  }
}
