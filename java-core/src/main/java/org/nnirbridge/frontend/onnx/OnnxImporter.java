package org.nnirbridge.frontend.onnx;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.diagnostic.MalformedFile;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.frontend.fx.Argument;
import org.nnirbridge.frontend.onnx.proto.Onnx.GraphProto;
import org.nnirbridge.frontend.onnx.proto.Onnx.ModelProto;
import org.nnirbridge.frontend.onnx.proto.Onnx.NodeProto;
import org.nnirbridge.frontend.onnx.proto.Onnx.OperatorSetIdProto;
import org.nnirbridge.frontend.onnx.proto.Onnx.TensorProto;
import org.nnirbridge.frontend.onnx.proto.Onnx.TensorShapeProto.Dimension;
import org.nnirbridge.frontend.onnx.proto.Onnx.TypeProto;
import org.nnirbridge.frontend.onnx.proto.Onnx.ValueInfoProto;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.GraphBuilder;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.nnir.op.Input;
import org.nnirbridge.numerics.NumberFormat;

/** Builds NNIR from an ONNX model. */
public final class OnnxImporter {
  private static final int OLDEST_OPSET = 7;
  private static final int MOST_BYTES = Integer.MAX_VALUE - 8;

  private final GraphProto graph;
  private final GraphBuilder builder = new GraphBuilder();
  private final OnnxValues values;
  private final OnnxNodes nodes;

  private OnnxImporter(ModelProto model, Path directory) {
    this.graph = model.getGraph();
    int opset = opset(model);
    this.values = new OnnxValues(builder, new OnnxTensors(directory), uses(graph));
    this.nodes = new OnnxNodes(builder, values, opset);
  }

  /**
   * The graph of a model.
   *
   * @param file the model; tensors in files of their own lie beside it
   * @param inputShapes the shape of each input in place of the model's; empty to take those
   * @throws MalformedFile when the file cannot be read or is no ONNX model
   * @throws UnsupportedModel with all operators that are not supported, or naming the node that is
   *     used in a way that is not
   */
  public static Graph importFile(Path file, List<List<Integer>> inputShapes) {
    try {
      OnnxImporter importer =
          new OnnxImporter(read(file), file.toAbsolutePath().normalize().getParent());
      return importer.graph(inputShapes);
    } catch (MalformedFile e) {
      throw new MalformedFile(file + ": " + e.getMessage());
    }
  }

  private static ModelProto read(Path file) {
    ModelProto model;
    try {
      CodedInputStream stream = CodedInputStream.newInstance(Files.readAllBytes(file));
      stream.setSizeLimit(MOST_BYTES);
      model = ModelProto.parseFrom(stream);
    } catch (InvalidProtocolBufferException e) {
      throw new MalformedFile("not an ONNX model: " + e.getMessage());
    } catch (NoSuchFileException e) {
      throw new MalformedFile("the model could not be read: No such file or directory");
    } catch (IOException e) {
      throw new MalformedFile("the model could not be read: " + e.getMessage());
    }
    if (!model.hasGraph() || model.getOpsetImportCount() == 0) {
      throw new MalformedFile("not an ONNX model: it has no graph or no operator set");
    }
    return model;
  }

  private static int opset(ModelProto model) {
    for (OperatorSetIdProto set : model.getOpsetImportList()) {
      if (OnnxNodes.isStandard(set.getDomain())) {
        if (set.getVersion() < OLDEST_OPSET) {
          throw new UnsupportedModel(
              "operator set %d is too old; export the model with operator set %d or newer"
                  .formatted(set.getVersion(), OLDEST_OPSET));
        }
        return (int) Math.min(set.getVersion(), Integer.MAX_VALUE);
      }
    }
    throw new MalformedFile("not an ONNX model: it does not import ONNX's operators");
  }

  private static Map<String, Integer> uses(GraphProto graph) {
    Map<String, Integer> uses = new HashMap<>();
    count(graph, uses);
    return uses;
  }

  private static void count(GraphProto graph, Map<String, Integer> uses) {
    for (NodeProto node : graph.getNodeList()) {
      node.getInputList().forEach(name -> uses.merge(name, 1, Integer::sum));
      node.getAttributeList().forEach(attribute -> count(attribute.getG(), uses));
    }
    graph.getOutputList().forEach(output -> uses.merge(output.getName(), 1, Integer::sum));
  }

  private Graph graph(List<List<Integer>> inputShapes) {
    OnnxNodes.refuseUnsupported(graph);
    Set<String> known = nodes.addConstants(graph);
    addInputs(
        graph.getInputList().stream().filter(input -> !known.contains(input.getName())).toList(),
        inputShapes);
    nodes.addAll(graph);
    return builder.build(outputs());
  }

  private void addInputs(List<ValueInfoProto> inputs, List<List<Integer>> shapes) {
    if (!shapes.isEmpty() && shapes.size() != inputs.size()) {
      throw new InvalidArgument(
          "override_input_shapes: %d shapes for %d inputs; give one for each"
              .formatted(shapes.size(), inputs.size()));
    }
    for (int i = 0; i < inputs.size(); i++) {
      ValueInfoProto input = inputs.get(i);
      List<Integer> shape = shapes.isEmpty() ? shape(input) : shapes.get(i);
      checkType(input, shape);
      TensorType type = new TensorType(shape, NumberFormat.BF16);
      int node =
          builder.add(
              input.getName(),
              new Input(i, type, OptionalInt.empty()),
              NodeContext.DEFAULT,
              List.of());
      values.put(input.getName(), new Argument.TensorValue(node));
    }
  }

  private static void checkType(ValueInfoProto input, List<Integer> shape) {
    TypeProto.Tensor type = input.getType().getTensorType();
    TensorProto.DataType elements = TensorProto.DataType.forNumber(type.getElemType());
    if (elements != TensorProto.DataType.FLOAT) {
      throw new UnsupportedModel(
          "input %s has elements of type %s; only FLOAT inputs are supported"
              .formatted(input.getName(), elements));
    }
    for (int extent : shape) {
      if (extent < 1) {
        throw new InvalidArgument(
            "override_input_shapes: input %s has the shape %s; every extent must be at least 1"
                .formatted(input.getName(), shape));
      }
    }
    int rank = type.getShape().getDimCount();
    if (type.hasShape() && rank != shape.size()) {
      throw new InvalidArgument(
          "override_input_shapes: input %s has %d axes in the model, got the shape %s"
              .formatted(input.getName(), rank, shape));
    }
  }

  private static List<Integer> shape(ValueInfoProto input) {
    List<Integer> shape = new ArrayList<>();
    for (Dimension dimension : input.getType().getTensorType().getShape().getDimList()) {
      if (!dimension.hasDimValue() || dimension.getDimValue() < 1) {
        throw new UnsupportedModel(
            "input %s has an axis of no fixed extent (%s); give override_input_shapes"
                .formatted(input.getName(), dimension.getDimParam()));
      }
      shape.add((int) Math.min(dimension.getDimValue(), Integer.MAX_VALUE));
    }
    return shape;
  }

  private List<Graph.Output> outputs() {
    List<Graph.Output> outputs = new ArrayList<>();
    for (ValueInfoProto output : graph.getOutputList()) {
      if (!(values.argument(output.getName()) instanceof Argument.TensorValue value)) {
        throw new UnsupportedModel(
            "output %s is a comparison or an erf; use Where to choose between numbers, or Gelu"
                .formatted(output.getName()));
      }
      outputs.add(new Graph.Output(value.node(), NumberFormat.BF16, OptionalInt.empty()));
    }
    return outputs;
  }
}
