package org.nnirbridge.gateway;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.logging.Logger;
import org.nnirbridge.archive.GraphArchive;
import org.nnirbridge.compiler.CompileOptions;
import org.nnirbridge.compiler.Compiler;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.frontend.fx.FxImporter;
import org.nnirbridge.frontend.onnx.OnnxImporter;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.hardware.Presets;
import org.nnirbridge.hardware.Timing;
import org.nnirbridge.latency.Explanation;
import org.nnirbridge.latency.LatencyEstimator;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.GraphPrinter;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.program.IoOnly;
import org.nnirbridge.program.Program;
import org.nnirbridge.program.ProgramReader;
import org.nnirbridge.transform.StreamedGraph;
import org.nnirbridge.transform.StreamingTransform;
import org.nnirbridge.vm.VirtualMachine;
import org.nnirbridge.vm.VmMode;
import org.nnirbridge.vm.VmOptions;

/**
 * The calls that the other process may make, and the only ones.
 *
 * <p>The caller chooses the handle of every new object. Each method returns JSON; an error comes as
 * {@code {"error": {"type": ..., "message": ...}}}.
 */
public final class CompilerService {
  private static final Logger LOG = Logger.getLogger(CompilerService.class.getName());
  private static final TypeReference<List<List<Integer>>> SHAPES = new TypeReference<>() {};
  private static final TypeReference<List<Integer>> INTEGERS = new TypeReference<>() {};
  private static final TypeReference<List<Long>> HANDLES = new TypeReference<>() {};
  private static final TypeReference<List<NumberFormat>> FORMATS = new TypeReference<>() {};

  private final ObjectTable objects;

  CompilerService(ObjectTable objects) {
    this.objects = objects;
  }

  /** Imports a torch.fx graph whose tensors were uploaded, in order, under {@code tensors}. */
  public String importFx(
      long newNnir, String fx, long tensors, String shapes, String inputs, String outputs) {
    return Envelope.around(
        () -> {
          UploadedTensors values = objects.take(tensors, UploadedTensors.class);
          return addNnir(
              newNnir,
              FxImporter.importGraph(
                  fx,
                  values.withShapes(read(shapes, SHAPES)),
                  read(inputs, FORMATS),
                  read(outputs, FORMATS)));
        });
  }

  /** Reads an ONNX model from a file; {@code shapes} is an empty list to take the model's. */
  public String importOnnx(long newNnir, String path, String shapes) {
    return Envelope.around(
        () -> addNnir(newNnir, OnnxImporter.importFile(Path.of(path), read(shapes, SHAPES))));
  }

  /** Reads a stored model whose bytes were uploaded. */
  public String loadNnir(long newNnir, long bytes) {
    return Envelope.around(
        () -> addNnir(newNnir, GraphArchive.fromBytes(objects.take(bytes, byte[].class))));
  }

  /** Returns the names of PyTorch's functions and modules that an imported model may call. */
  public String supportedNames() {
    return Envelope.around(FxImporter::supportedNames);
  }

  /** Prints a model. */
  public String printNnir(long nnir) {
    return Envelope.around(
        () -> Map.of("text", GraphPrinter.print(objects.get(nnir, Graph.class))));
  }

  /** Lists the nodes of a model. */
  public String describeNnir(long nnir) {
    return Envelope.around(() -> NnirSummary.of(objects.get(nnir, Graph.class)));
  }

  /** Sets how much the log says. */
  public String setLogLevel(String level) {
    return Envelope.around(
        () -> {
          GatewayLog.setLevel(level);
          return Map.of();
        });
  }

  /** Makes the streaming form of a model. */
  public String streamingTransform(long newNnir, long nnir, String axes) {
    return Envelope.around(
        () -> {
          StreamedGraph streamed =
              StreamingTransform.apply(objects.get(nnir, Graph.class), read(axes, INTEGERS));
          addNnir(newNnir, streamed.graph());
          return Map.of("output_axes", streamed.outputAxes());
        });
  }

  /** Returns a preset board. */
  public String presetConfig(String name) {
    return Envelope.around(() -> read(Presets.byName(name).toJson(), JsonNode.class));
  }

  /** Returns the configuration of an IP core. */
  public String ipCoreConfig(int cores, int blockSize) {
    return Envelope.around(() -> read(Presets.ipCore(cores, blockSize).toJson(), JsonNode.class));
  }

  /** Checks a configuration and returns it in its full form. */
  public String checkConfig(String config) {
    return Envelope.around(() -> read(HardwareConfig.fromJson(config).toJson(), JsonNode.class));
  }

  /** Checks the options of a model before it is compiled for a board. */
  public String checkOptions(String config, String options) {
    return Envelope.around(
        () -> {
          CompileOptions.fromJson(options).check(HardwareConfig.fromJson(config));
          return Map.of();
        });
  }

  /** Compiles models, each {@code {"nnir": handle, "name": ..., "options": {...}}}. */
  public String compile(long newProgram, String config, String models) {
    return Envelope.around(
        () -> {
          List<Compiler.Model> compiled = new ArrayList<>();
          for (JsonNode model : read(models, JsonNode.class)) {
            compiled.add(
                new Compiler.Model(
                    objects.get(model.path("nnir").asLong(), Graph.class),
                    model.path("name").asText(),
                    CompileOptions.fromJson(model.path("options").toString())));
          }
          long start = System.nanoTime();
          Program program = Compiler.compile(HardwareConfig.fromJson(config), compiled);
          long millis = (System.nanoTime() - start) / 1_000_000;
          LOG.fine(
              () ->
                  "compiled %d models for %s in %d ms"
                      .formatted(compiled.size(), program.config().name(), millis));
          return addProgram(newProgram, program);
        });
  }

  /** Reads a program whose bytes were uploaded. */
  public String loadProgram(long newProgram, long bytes) {
    return Envelope.around(
        () -> addProgram(newProgram, ProgramReader.fromBytes(objects.take(bytes, byte[].class))));
  }

  /** Says where the cycles of one inference go, as data and as text. */
  public String explain(
      long program,
      int modelIndex,
      int writeQueueCapacity,
      int outputBufferCapacity,
      boolean spaced) {
    return Envelope.around(
        () -> {
          Explanation explanation =
              LatencyEstimator.explain(
                  objects.get(program, Program.class),
                  modelIndex,
                  writeQueueCapacity,
                  outputBufferCapacity,
                  spaced);
          return Map.of("data", explanation, "text", explanation.text());
        });
  }

  /** Makes the same program for a board whose units take other times. */
  public String retime(long newProgram, long program, String timing) {
    return Envelope.around(
        () ->
            addProgram(
                newProgram,
                objects.get(program, Program.class).withTiming(Timing.fromJson(timing))));
  }

  /** Makes a program that takes and gives values and computes nothing. */
  public String ioOnlyProgram(long newProgram, String config, int inputValues, int outputValues) {
    return Envelope.around(
        () ->
            addProgram(
                newProgram, IoOnly.of(HardwareConfig.fromJson(config), inputValues, outputValues)));
  }

  /** Makes the program with the inputs and outputs of another that computes nothing. */
  public String toIoOnlyProgram(long newProgram, long program) {
    return Envelope.around(
        () -> addProgram(newProgram, IoOnly.of(objects.get(program, Program.class))));
  }

  /** Estimates the cycles of one inference. */
  public String estimate(
      long program,
      int modelIndex,
      int writeQueueCapacity,
      int outputBufferCapacity,
      boolean spaced) {
    return Envelope.around(
        () ->
            LatencyEstimator.estimate(
                objects.get(program, Program.class),
                modelIndex,
                writeQueueCapacity,
                outputBufferCapacity,
                spaced));
  }

  /**
   * Makes a virtual machine. It may have fewer threads than asked for ({@link
   * VirtualMachine#threadsOfAsked}).
   *
   * @return for each model where its values lie, how many threads share an inference, and whether
   *     these and the client are more than the processors
   */
  public String createVm(long newVm, long program, String mode, int threads, int streams) {
    return Envelope.around(
        () -> {
          Program loaded = objects.get(program, Program.class);
          int shared = VirtualMachine.threadsOfAsked(threads, loaded, streams);
          VmOptions options = new VmOptions(VmMode.valueOf(mode), shared, streams);
          VmSession session = new VmSession(loaded, new VirtualMachine(loaded, options));
          objects.put(newVm, session);
          return Map.of(
              "layouts", session.layouts(),
              "threads", session.threads(),
              "crowded", session.crowded());
        });
  }

  /** Puts the state of a model back to its start. */
  public String resetVm(long vm, int modelIndex) {
    return Envelope.around(
        () -> {
          objects.get(vm, VmSession.class).reset(modelIndex);
          return Map.of();
        });
  }

  /** Puts the states of a snapshot, whose bytes were uploaded, into a virtual machine. */
  public String restoreVm(long vm, long snapshot) {
    return Envelope.around(
        () -> {
          byte[] bytes = objects.take(snapshot, byte[].class);
          objects.get(vm, VmSession.class).restore(bytes);
          return Map.of();
        });
  }

  /** Frees objects. */
  public String release(String handles) {
    return Envelope.around(
        () -> {
          read(handles, HANDLES).forEach(objects::release);
          return Map.of("objects", objects.size());
        });
  }

  private Map<String, Object> addNnir(long handle, Graph graph) {
    objects.put(handle, graph);
    return Map.of("num_inputs", graph.inputs().size(), "num_outputs", graph.outputs().size());
  }

  private ProgramSummary addProgram(long handle, Program program) {
    ProgramSummary summary = ProgramSummary.of(program);
    objects.put(handle, program);
    return summary;
  }

  private static <T> T read(String json, Class<T> type) {
    try {
      return Envelope.JSON.readValue(json, type);
    } catch (JsonProcessingException e) {
      throw new InvalidArgument("not the JSON that was expected: " + e.getOriginalMessage());
    }
  }

  private static <T> T read(String json, TypeReference<T> type) {
    try {
      return Envelope.JSON.readValue(json, type);
    } catch (JsonProcessingException e) {
      throw new InvalidArgument("not the JSON that was expected: " + e.getOriginalMessage());
    }
  }
}
