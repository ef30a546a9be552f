package org.nnirbridge.gateway;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.nnirbridge.diagnostic.CompilerBug;
import org.nnirbridge.latency.HostTransfer;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.program.Metrics;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Port;
import org.nnirbridge.program.Program;

/** What the other process keeps of a program, so that it need not ask. */
record ProgramSummary(JsonNode config, Metrics metrics, List<ModelSummary> models) {
  ProgramSummary {
    models = List.copyOf(models);
  }

  static ProgramSummary of(Program program) {
    try {
      return new ProgramSummary(
          Envelope.JSON.readTree(program.config().toJson()),
          program.metrics(),
          IntStream.range(0, program.models().size())
              .mapToObj(model -> ModelSummary.of(program, model))
              .toList());
    } catch (JsonProcessingException e) {
      throw new CompilerBug("a configuration is not JSON: " + e.getOriginalMessage());
    }
  }

  /** One model of a program. */
  record ModelSummary(
      String name,
      List<PortSummary> inputs,
      List<PortSummary> outputs,
      boolean resettable,
      boolean stateful,
      double hostMicros) {
    ModelSummary {
      inputs = List.copyOf(inputs);
      outputs = List.copyOf(outputs);
    }

    static ModelSummary of(Program program, int index) {
      Model model = program.models().get(index);
      return new ModelSummary(
          model.name(),
          model.inputs().stream().map(PortSummary::of).toList(),
          model.outputs().stream().map(PortSummary::of).toList(),
          model.resettable(),
          model.hasState(),
          HostTransfer.micros(program, index));
    }
  }

  /** One input or output; a {@code streamingDim} of null says that it is not streamed. */
  record PortSummary(String name, List<Integer> shape, NumberFormat format, Integer streamingDim) {
    static PortSummary of(Port port) {
      OptionalInt dim = port.streamingDim();
      return new PortSummary(
          port.name(), port.shape(), port.format(), dim.isPresent() ? dim.getAsInt() : null);
    }
  }
}
