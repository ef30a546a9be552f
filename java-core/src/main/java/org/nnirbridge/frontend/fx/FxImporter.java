package org.nnirbridge.frontend.fx;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.GraphBuilder;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.nnir.op.Input;
import org.nnirbridge.numerics.NumberFormat;

/** Builds NNIR from a traced PyTorch model (docs/graph-document.md). */
public final class FxImporter {
  private static final JsonMapper JSON = new JsonMapper();

  /** PyTorch takes NumPy's names of some arguments for its own. */
  private static final Map<String, String> NUMPY_NAMES =
      Map.of("axis", "dim", "axis0", "dim0", "axis1", "dim1", "x1", "input", "x2", "other");

  private final List<Tensor> tensors;
  private final Function<JsonNode, Argument> placeholder;
  private final GraphBuilder builder;
  private final ModuleStates states;
  private final String scope;
  private final Map<String, Argument> results = new HashMap<>();
  private final ArgumentReader arguments = new ArgumentReader(results);
  private final InPlace inPlace = new InPlace();

  /**
   * An importer of one list of nodes.
   *
   * @param placeholder what a placeholder stands for
   * @param scope the scan whose step the nodes are; empty for the model itself
   */
  private FxImporter(
      List<Tensor> tensors,
      Function<JsonNode, Argument> placeholder,
      GraphBuilder builder,
      ModuleStates states,
      String scope) {
    this.tensors = tensors;
    this.placeholder = placeholder;
    this.builder = builder;
    this.states = states;
    this.scope = scope;
  }

  /**
   * The graph of a traced model.
   *
   * @param tensors the model's constants, in the order of the document's list
   * @param inputFormats the format of each input, or one for all
   * @param outputFormats the format of each output, or one for all
   * @throws UnsupportedModel with all operations that are not supported, or naming the node that is
   *     used in a way that is not
   */
  public static Graph importGraph(
      String fxJson,
      List<Tensor> tensors,
      List<NumberFormat> inputFormats,
      List<NumberFormat> outputFormats) {
    JsonNode document;
    try {
      document = JSON.readTree(fxJson);
    } catch (JsonProcessingException e) {
      throw new InvalidArgument("graph document: " + e.getOriginalMessage());
    }
    if (document.path("version").asInt() != 1 || !document.path("nodes").isArray()) {
      throw new InvalidArgument("graph document: version 1 with a list of nodes is needed");
    }
    if (inputFormats.isEmpty() || outputFormats.isEmpty()) {
      throw new InvalidArgument(
          "inputs_precisions and outputs_precisions must not be empty; give one, or one for each");
    }
    UnsupportedOperations.refuse(document.get("nodes"));
    GraphBuilder builder = new GraphBuilder();
    AtomicInteger inputs = new AtomicInteger();
    FxImporter importer =
        new FxImporter(
            tensors,
            node -> input(builder, node, inputs.getAndIncrement(), inputFormats),
            builder,
            new ModuleStates(),
            "");
    List<Graph.Output> outputs = outputs(importer.add(document.get("nodes")), outputFormats);
    if (inputFormats.size() > 1 && inputFormats.size() != inputs.get()) {
      throw new InvalidArgument(
          "inputs_precisions has %d entries, and the model has %s; give one, or one for each"
              .formatted(inputFormats.size(), Shapes.counted(inputs.get(), "input")));
    }
    return builder.build(outputs);
  }

  /** The names of what a model may call, by the kinds {@code functions} and {@code modules}. */
  public static Map<String, Set<String>> supportedNames() {
    return Map.of("functions", Functions.names(), "modules", Modules.names());
  }

  /** Adds those of a list of nodes that count; gives what its output node returns. */
  private Argument add(JsonNode nodes) {
    Argument output = new Argument.None();
    for (JsonNode node : LiveNodes.of(nodes)) {
      refuseStaleOperands(node);
      if (text(node, "op").equals("output")) {
        output = arguments.read(node.get("args").get(0));
      } else {
        Argument result = inPlace.sameTensor(node).map(results::get).orElseGet(() -> result(node));
        checkShape(node, result);
        results.put(text(node, "name"), result);
        inPlace.note(node).forEach(changed -> results.put(changed, result));
      }
    }
    return output;
  }

  /** The node's name, with the scan in whose step it is: {@code scan.add}. */
  private String name(JsonNode node) {
    return scope.isEmpty() ? text(node, "name") : scope + "." + text(node, "name");
  }

  private void refuseStaleOperands(JsonNode node) {
    inPlace
        .refusal(node)
        .ifPresent(
            why -> {
              throw new UnsupportedModel(name(node) + ": " + why);
            });
  }

  private Argument result(JsonNode node) {
    return switch (text(node, "op")) {
      case "placeholder" -> placeholder.apply(node);
      case "get_attr" -> {
        int constant = builder.constant(name(node), tensor(node.get("tensor").asInt()));
        yield node.path("dtype").asText().equals("bool")
            ? new Argument.MaskValue(constant)
            : new Argument.TensorValue(constant);
      }
      case "call_function" -> {
        Call call = call(node, text(node, "target"));
        yield Functions.find(call.target()).orElseThrow().apply(call);
      }
      case "call_method" -> {
        Call call = call(node, text(node, "target"));
        yield Functions.findMethod(call.target()).orElseThrow().apply(call);
      }
      case "call_module" -> {
        String type = text(node, "type");
        Call call = call(node, type.substring(type.lastIndexOf('.') + 1));
        yield Modules.find(type).orElseThrow().apply(module(node, call));
      }
      default -> throw new InvalidArgument("graph document: no node kind " + text(node, "op"));
    };
  }

  private static Argument input(
      GraphBuilder builder, JsonNode node, int index, List<NumberFormat> formats) {
    NumberFormat format =
        formats.get(formats.size() == 1 ? 0 : Math.min(index, formats.size() - 1));
    TensorType type = new TensorType(shape(node.get("shape")), format);
    String dtype = node.path("dtype").asText("float32");
    if (!dtype.contains("float")) {
      throw new UnsupportedModel(
          "%s (input): tensors of type %s are not supported; give float32"
              .formatted(text(node, "name"), dtype));
    }
    Input input = new Input(index, type, OptionalInt.empty());
    return new Argument.TensorValue(
        builder.add(text(node, "name"), input, NodeContext.DEFAULT, List.of()));
  }

  private Call call(JsonNode node, String target) {
    List<Argument> args = new ArrayList<>();
    node.path("args").forEach(argument -> args.add(arguments.read(argument)));
    Map<String, Argument> kwargs = new HashMap<>();
    named(node.path("kwargs"))
        .forEach((name, value) -> kwargs.put(NUMPY_NAMES.getOrDefault(name, name), value));
    return new Call(builder, context(node), name(node), target, args, kwargs);
  }

  private ModuleCall module(JsonNode node, Call call) {
    Map<String, Tensor> parameters = new HashMap<>();
    node.path("params")
        .properties()
        .forEach(entry -> parameters.put(entry.getKey(), tensor(entry.getValue().asInt())));
    JsonNode stepNodes = node.path("graph").path("nodes");
    Optional<StepGraph> step =
        stepNodes.isArray() ? Optional.of(stepGraph(stepNodes, call.name())) : Optional.empty();
    return new ModuleCall(
        call,
        named(node.path("attrs")),
        parameters,
        node.path("instance").asInt(),
        states,
        scope,
        step);
  }

  private StepGraph stepGraph(JsonNode nodes, String scan) {
    return (target, kept, x, s) -> {
      Iterator<Argument> given = List.of(x, s).iterator();
      return new FxImporter(tensors, placeholder -> given.next(), target, kept, scan).add(nodes);
    };
  }

  private Map<String, Argument> named(JsonNode object) {
    Map<String, Argument> named = new HashMap<>();
    object
        .properties()
        .forEach(entry -> named.put(entry.getKey(), arguments.read(entry.getValue())));
    return named;
  }

  private static NodeContext context(JsonNode node) {
    JsonNode context = node.path("context");
    List<Integer> cores = new ArrayList<>();
    context.path("cores").forEach(core -> cores.add(core.asInt()));
    return new NodeContext(
        context.path("fp32_activations").asBoolean() ? NumberFormat.FP32 : NumberFormat.BF16,
        context.path("fp8_weights").asBoolean(),
        cores);
  }

  private static List<Graph.Output> outputs(Argument result, List<NumberFormat> outputFormats) {
    List<Argument> values =
        result instanceof Argument.Several several ? several.all() : List.of(result);
    if (outputFormats.size() > 1 && outputFormats.size() != values.size()) {
      throw new InvalidArgument(
          "outputs_precisions has %d entries, and the model has %s; give one, or one for each"
              .formatted(outputFormats.size(), Shapes.counted(values.size(), "output")));
    }
    List<Graph.Output> outputs = new ArrayList<>();
    for (int i = 0; i < values.size(); i++) {
      if (!(values.get(i) instanceof Argument.TensorValue value)) {
        throw new UnsupportedModel("output " + i + " is " + notATensor(values.get(i)));
      }
      NumberFormat format = outputFormats.get(outputFormats.size() == 1 ? 0 : i);
      outputs.add(new Graph.Output(value.node(), format, OptionalInt.empty()));
    }
    return outputs;
  }

  private static String notATensor(Argument value) {
    if (value instanceof Argument.Several) {
      return "a tuple itself; return one flat tuple of tensors";
    }
    if (value instanceof Argument.MaskValue) {
      return "a comparison; choose values by it with torch.where and return those";
    }
    return "not a tensor; return a tensor or a tuple of tensors";
  }

  /** Every inferred shape must be the one that PyTorch gave. */
  private void checkShape(JsonNode node, Argument result) {
    JsonNode given = node.path("shape");
    OptionalInt tensor = OptionalInt.empty();
    if (result instanceof Argument.TensorValue value) {
      tensor = OptionalInt.of(value.node());
    } else if (result instanceof Argument.MaskValue mask) {
      tensor = OptionalInt.of(mask.node());
    }
    if (tensor.isPresent() && given.isArray()) {
      List<Integer> inferred = builder.type(tensor.getAsInt()).shape();
      if (!inferred.equals(shape(given))) {
        throw new UnsupportedModel(
            "%s (%s): its shape is %s in PyTorch, but %s here"
                .formatted(name(node), node.path("target").asText(), shape(given), inferred));
      }
    }
  }

  private Tensor tensor(int index) {
    if (index < 0 || index >= tensors.size()) {
      throw new InvalidArgument("graph document: there is no tensor " + index);
    }
    return tensors.get(index);
  }

  private static List<Integer> shape(JsonNode shape) {
    List<Integer> extents = new ArrayList<>();
    shape.forEach(extent -> extents.add(extent.asInt()));
    return extents;
  }

  static String text(JsonNode node, String field) {
    JsonNode value = node.get(field);
    if (value == null) {
      throw new InvalidArgument("graph document: a node has no " + field + ": " + node);
    }
    return value.asText();
  }
}
