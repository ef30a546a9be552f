package org.nnirbridge.gateway;

import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.channels.WritableByteChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.VectorLoader;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.VectorUnloader;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.nnirbridge.archive.TensorStream;
import org.nnirbridge.diagnostic.InvalidArgument;

/** The outputs of a sequence of inferences, or why there are none. */
final class StepResults implements AutoCloseable {
  private final StepLayout layout;
  private final List<ArrowRecordBatch> batches = new ArrayList<>();
  private Throwable failure;

  StepResults(StepLayout layout) {
    this.layout = layout;
  }

  /** What went wrong, null while nothing has. */
  Throwable failure() {
    return failure;
  }

  /** Runs a batch whose rows are steps and keeps its outputs. */
  void add(VectorSchemaRoot inputs, BatchRun run) {
    int steps = inputs.getRowCount();
    try (VectorSchemaRoot outputs = allocate(layout.outputs(), steps)) {
      run.run(steps, columns(inputs, layout.inputs()), columns(outputs, layout.outputs()));
      batches.add(new VectorUnloader(outputs).getRecordBatch());
    } catch (RuntimeException | Error e) {
      failure = e;
    }
  }

  void write(WritableByteChannel channel) throws IOException {
    try (VectorSchemaRoot root = allocate(layout.outputs(), 0);
        ArrowStreamWriter writer = new ArrowStreamWriter(root, null, channel)) {
      VectorLoader loader = new VectorLoader(root);
      for (ArrowRecordBatch batch : batches) {
        loader.load(batch);
        writer.writeBatch();
      }
    }
  }

  @Override
  public void close() {
    batches.forEach(ArrowRecordBatch::close);
  }

  private static VectorSchemaRoot allocate(List<PortSlot> slots, int steps) {
    List<Field> fields =
        IntStream.range(0, slots.size()).mapToObj(i -> field(i, slots.get(i))).toList();
    VectorSchemaRoot batch = VectorSchemaRoot.create(new Schema(fields), TensorStream.ALLOCATOR);
    for (int i = 0; i < slots.size(); i++) {
      FixedSizeListVector column = (FixedSizeListVector) batch.getVector(i);
      Float4Vector values = (Float4Vector) column.getDataVector();
      int count = Math.multiplyExact(steps, slots.get(i).length());
      values.allocateNew(count);
      values.getValidityBuffer().setOne(0, values.getValidityBuffer().capacity());
      values.setValueCount(count);
      column.setInitialCapacity(steps);
      column.reAlloc();
      column.getValidityBuffer().setOne(0, column.getValidityBuffer().capacity());
      column.setValueCount(steps);
    }
    batch.setRowCount(steps);
    return batch;
  }

  private static Field field(int index, PortSlot slot) {
    FieldType item =
        FieldType.notNullable(new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE));
    FieldType list = FieldType.notNullable(new ArrowType.FixedSizeList(slot.length()));
    return new Field("port" + index, list, List.of(new Field("item", item, null)));
  }

  private static FloatBuffer[] columns(VectorSchemaRoot batch, List<PortSlot> slots) {
    if (batch.getFieldVectors().size() != slots.size()) {
      throw new InvalidArgument("a batch of steps has the wrong number of columns");
    }
    return IntStream.range(0, slots.size())
        .mapToObj(i -> column(batch.getVector(i), slots.get(i), batch.getRowCount()))
        .toArray(FloatBuffer[]::new);
  }

  private static FloatBuffer column(FieldVector vector, PortSlot slot, int steps) {
    if (!(vector instanceof FixedSizeListVector list)
        || list.getListSize() != slot.length()
        || !(list.getDataVector() instanceof Float4Vector values)) {
      throw new InvalidArgument(
          "a batch of steps needs lists of " + slot.length() + " float32 values");
    }
    return TensorStream.floats(values.getDataBuffer(), Math.multiplyExact(steps, slot.length()));
  }
}
