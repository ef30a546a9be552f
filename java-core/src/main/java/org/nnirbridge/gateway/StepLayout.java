package org.nnirbridge.gateway;

import java.util.ArrayList;
import java.util.List;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Port;

/**
 * The place of every value of one inference: the body of an Arrow record batch of one row, whose
 * columns are the model's inputs, then its outputs, as fixed-size lists of float32 without nulls.
 *
 * @param bytes the size of the whole body
 */
record StepLayout(List<PortSlot> inputs, List<PortSlot> outputs, int bytes) {
  private static final int ALIGNMENT = 64;

  StepLayout {
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
  }

  static StepLayout of(Model model) {
    List<PortSlot> inputs = new ArrayList<>();
    int end = place(model.inputs(), 0, inputs);
    List<PortSlot> outputs = new ArrayList<>();
    end = place(model.outputs(), end, outputs);
    return new StepLayout(inputs, outputs, end);
  }

  private static int place(List<Port> ports, int start, List<PortSlot> slots) {
    int offset = start;
    for (Port port : ports) {
      int length = port.shape().stream().reduce(1, Math::multiplyExact);
      slots.add(new PortSlot(offset, length));
      int end = Math.addExact(offset, Math.multiplyExact(length, Float.BYTES));
      offset = Math.addExact(end, ALIGNMENT - 1) & -ALIGNMENT;
    }
    return offset;
  }
}
