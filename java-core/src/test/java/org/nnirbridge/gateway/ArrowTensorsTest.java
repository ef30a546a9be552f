package org.nnirbridge.gateway;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.util.List;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.junit.jupiter.api.Test;
import org.nnirbridge.archive.TensorStream;
import org.nnirbridge.diagnostic.InvalidArgument;

class ArrowTensorsTest {
  private static final StepLayout LAYOUT =
      new StepLayout(List.of(new PortSlot(0, 2)), List.of(new PortSlot(64, 2)), 128);

  @Test
  void writesTheBytesThatItReads() throws IOException {
    ByteArrayOutputStream stream = new ByteArrayOutputStream();
    ArrowTensors.writeBytes(new byte[] {1, 2, 3}, Channels.newChannel(stream));
    assertArrayEquals(new byte[] {1, 2, 3}, ArrowTensors.readBytes(channel(stream.toByteArray())));
  }

  @Test
  void readsATensorFromEachBatch() throws IOException {
    List<float[]> tensors = TensorStream.read(channel(column(1.5f, -2f)));
    assertEquals(1, tensors.size());
    assertArrayEquals(new float[] {1.5f, -2f}, tensors.get(0));
  }

  @Test
  void refusesBytesWhereTensorsAreDue() throws IOException {
    byte[] tensors = column(1f);
    assertThrows(InvalidArgument.class, () -> ArrowTensors.readBytes(channel(tensors)));
  }

  @Test
  void runsTheStepsItWroteItself() throws IOException {
    byte[] steps = steps();
    StepResults shifted =
        ArrowTensors.runBatches(
            channel(steps),
            LAYOUT,
            (count, inputs, outputs) -> {
              for (int i = 0; i < 2 * count; i++) {
                outputs[0].put(i, inputs[0].get(i) + 1);
              }
            });
    float[] seen = new float[6];
    try (shifted) {
      ByteArrayOutputStream stream = new ByteArrayOutputStream();
      shifted.write(Channels.newChannel(stream));
      ArrowTensors.runBatches(
              channel(stream.toByteArray()),
              LAYOUT,
              (count, inputs, outputs) -> inputs[0].get(0, seen))
          .close();
    }
    assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, seen);
  }

  @Test
  void readsToTheEndOfAStreamWhoseRunFails() throws IOException {
    ReadableByteChannel channel = channel(steps());
    try (StepResults results =
        ArrowTensors.runBatches(
            channel,
            LAYOUT,
            (count, inputs, outputs) -> {
              throw new IllegalStateException("on purpose");
            })) {
      assertInstanceOf(IllegalStateException.class, results.failure());
    }
  }

  /** Three steps of the values 0 to 5. */
  private static byte[] steps() throws IOException {
    StepLayout source = new StepLayout(List.of(), LAYOUT.outputs(), 128);
    try (StepResults results = new StepResults(source);
        VectorSchemaRoot threeSteps = new VectorSchemaRoot(List.of())) {
      threeSteps.setRowCount(3);
      results.add(
          threeSteps,
          (count, inputs, outputs) -> {
            for (int i = 0; i < 2 * count; i++) {
              outputs[0].put(i, i);
            }
          });
      ByteArrayOutputStream stream = new ByteArrayOutputStream();
      results.write(Channels.newChannel(stream));
      return stream.toByteArray();
    }
  }

  private static byte[] column(float... values) throws IOException {
    ByteArrayOutputStream stream = new ByteArrayOutputStream();
    try (Float4Vector column = new Float4Vector("values", TensorStream.ALLOCATOR)) {
      column.allocateNew(values.length);
      for (int i = 0; i < values.length; i++) {
        column.set(i, values[i]);
      }
      column.setValueCount(values.length);
      try (VectorSchemaRoot batch = VectorSchemaRoot.of(column);
          ArrowStreamWriter writer =
              new ArrowStreamWriter(batch, null, Channels.newChannel(stream))) {
        writer.writeBatch();
      }
    }
    return stream.toByteArray();
  }

  private static ReadableByteChannel channel(byte[] bytes) {
    return Channels.newChannel(new ByteArrayInputStream(bytes));
  }
}
