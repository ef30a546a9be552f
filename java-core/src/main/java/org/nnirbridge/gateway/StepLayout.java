package org.nnirbridge.gateway;

import java.util.ArrayList;
import java.util.List;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Port;

/**
 * The place of every value of one inference: the body of an Arrow record batch of one row, whose
 * columns are the model's inputs, then its outputs, as fixed-size lists of float32 without nulls.
 *
 * @param bytes the size of the whole body
 */
record StepLayout(List<PortSlot> inputs, List<PortSlot> outputs, int bytes) {
  private static final long ALIGNMENT = 64;
  private static final int MOST_BYTES = 1 << 30;

  StepLayout {
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
  }

  /**
   * The places for a number of streams, whose values lie one after another.
   *
   * @throws InvalidArgument when they would take more than a shared region can have
   */
  static StepLayout of(Model model, int streams) {
    List<PortSlot> inputs = new ArrayList<>();
    long end = place(model.inputs(), streams, 0, inputs);
    List<PortSlot> outputs = new ArrayList<>();
    end = place(model.outputs(), streams, end, outputs);
    if (end > MOST_BYTES) {
      throw new InvalidArgument(
          "model "
              + model.name()
              + ": the inputs and outputs of "
              + streams
              + " streams take "
              + end
              + " bytes, more than the "
              + MOST_BYTES
              + " that one inference can have");
    }
    return new StepLayout(inputs, outputs, (int) end);
  }

  private static long place(List<Port> ports, int streams, long start, List<PortSlot> slots) {
    long offset = start;
    for (Port port : ports) {
      long length = (long) port.size() * streams;
      slots.add(new PortSlot((int) offset, (int) length));
      offset = (offset + length * Float.BYTES + ALIGNMENT - 1) & -ALIGNMENT;
    }
    return offset;
  }
}
