package org.nnirbridge.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Port;

class StepLayoutTest {
  @Test
  void alignsEveryBufferAsArrowDoes() {
    Model model =
        new Model("m", List.of(port(17), port(2, 8)), List.of(port(), port(16)), List.of(), false);
    assertEquals(
        new StepLayout(
            List.of(new PortSlot(0, 17), new PortSlot(128, 16)),
            List.of(new PortSlot(192, 1), new PortSlot(256, 16)),
            320),
        StepLayout.of(model, 1));
  }

  private static Port port(Integer... shape) {
    return new Port("p", List.of(shape), NumberFormat.FP32, OptionalInt.empty(), shape.length - 1);
  }
}
