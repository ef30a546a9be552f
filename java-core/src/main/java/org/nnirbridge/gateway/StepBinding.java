package org.nnirbridge.gateway;

import java.nio.FloatBuffer;
import java.util.List;
import org.nnirbridge.diagnostic.InvalidArgument;

/** One model of one virtual machine with the views of a shared region that it reads and writes. */
final class StepBinding {
  private final long handle;
  private final int modelIndex;
  private final VmSession session;
  private final FloatBuffer[] inputs;
  private final FloatBuffer[] outputs;

  StepBinding(long handle, int modelIndex, VmSession session, SharedRegion region) {
    this.handle = handle;
    this.modelIndex = modelIndex;
    this.session = session;
    StepLayout layout = session.layout(modelIndex);
    if (!region.holds(layout)) {
      throw new InvalidArgument("the shared region is too small for model " + modelIndex);
    }
    inputs = views(region, layout.inputs());
    outputs = views(region, layout.outputs());
  }

  boolean is(long otherHandle, int otherModelIndex) {
    return handle == otherHandle && modelIndex == otherModelIndex;
  }

  /** Whether the next step needs every processor, also the client's. */
  boolean isCrowded() {
    return session.isCrowded(modelIndex);
  }

  void run(boolean nearestEven, long waited) {
    session.run(modelIndex, inputs, outputs, nearestEven, waited);
  }

  /** Does what the next step needs of the state alone. */
  void prepare() {
    session.prepare(modelIndex);
  }

  private static FloatBuffer[] views(SharedRegion region, List<PortSlot> slots) {
    return slots.stream().map(region::values).toArray(FloatBuffer[]::new);
  }
}
