package org.nnirbridge.frontend.onnx;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.diagnostic.MalformedFile;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.frontend.fx.Argument;
import org.nnirbridge.frontend.onnx.proto.Onnx.GraphProto;
import org.nnirbridge.frontend.onnx.proto.Onnx.NodeProto;
import org.nnirbridge.frontend.onnx.proto.Onnx.TensorProto;
import org.nnirbridge.frontend.onnx.proto.Onnx.ValueInfoProto;
import org.nnirbridge.nnir.GraphBuilder;
import org.nnirbridge.nnir.Tensor;

/**
 * Adds the nodes of an ONNX graph, and in the place of a node that holds graphs those of the one
 * that counts.
 */
final class OnnxNodes {
  private static final Logger LOG = Logger.getLogger(OnnxNodes.class.getName());
  private static final Set<String> WITH_GRAPHS = Set.of("If", "SequenceMap");

  private final GraphBuilder builder;
  private final OnnxValues values;
  private final int opset;

  OnnxNodes(GraphBuilder builder, OnnxValues values, int opset) {
    this.builder = builder;
    this.values = values;
    this.opset = opset;
  }

  static boolean isStandard(String domain) {
    return domain.isEmpty() || domain.equals("ai.onnx");
  }

  /** Names all operators of a graph that are not supported, if there are any. */
  static void refuseUnsupported(GraphProto graph) {
    Map<String, Integer> found = new TreeMap<>();
    for (NodeProto node : graph.getNodeList()) {
      String operator = node.getOpType();
      boolean standard = isStandard(node.getDomain());
      boolean known = WITH_GRAPHS.contains(operator) || OnnxOperators.find(operator).isPresent();
      if (!standard || !known) {
        String shown = standard ? operator : node.getDomain() + "." + operator;
        found.merge("unsupported operator '" + shown + "'", 1, Integer::sum);
      }
    }
    UnsupportedModel.refuseAll(found);
  }

  /** Adds the stored tensors of a graph and gives their names. */
  Set<String> addConstants(GraphProto graph) {
    Set<String> names = new HashSet<>();
    for (TensorProto tensor : graph.getInitializerList()) {
      names.add(tensor.getName());
      values.putConstant(tensor.getName(), values.read(tensor));
      if (OnnxTensors.isInteger(tensor.getDataType())) {
        values.markInteger(tensor.getName());
      }
    }
    return names;
  }

  void addAll(GraphProto graph) {
    graph.getNodeList().forEach(this::add);
  }

  private void add(NodeProto proto) {
    if (proto.getOutputCount() == 0) {
      throw new MalformedFile("the ONNX model's node " + proto.getName() + " has no output");
    }
    OnnxNode node = new OnnxNode(proto, values, builder, opset);
    proto.getOutputList().forEach(values::forget);
    try {
      switch (node.operator()) {
        case "If" -> addBranch(node);
        case "SequenceMap" -> addForEach(node);
        default -> addOperator(node);
      }
    } catch (UnsupportedModel | InvalidArgument | MalformedFile e) {
      throw e;
    } catch (RuntimeException e) {
      // Nodes that no checker would pass fail in as many ways as there are operators.
      LOG.log(Level.WARNING, "node " + node.name(), e);
      throw new MalformedFile(
          "%s (%s): its operands or attributes are not what ONNX defines"
              .formatted(node.name(), node.operator()));
    }
  }

  private void addOperator(OnnxNode node) {
    NodeProto proto = node.proto();
    Argument result = OnnxOperators.find(node.operator()).orElseThrow().apply(node);
    if (OnnxOperators.givesIntegers(node)) {
      proto.getOutputList().forEach(values::markInteger);
    }
    if (proto.getOutputCount() == 1 && values.isStored(proto.getOutput(0))) {
      return;
    }
    List<Argument> results =
        result instanceof Argument.Several several && !proto.getOpType().startsWith("Sequence")
            ? usedOf(proto, several)
            : List.of(result);
    if (proto.getOutputCount() > results.size()) {
      throw node.refuse(
          "it has %d outputs, of which %d are supported"
              .formatted(proto.getOutputCount(), results.size()));
    }
    for (int i = 0; i < proto.getOutputCount(); i++) {
      values.put(proto.getOutput(i), results.get(i));
    }
  }

  /** The results that have a name; others need not be made. */
  private static List<Argument> usedOf(NodeProto proto, Argument.Several several) {
    List<Argument> results = new ArrayList<>();
    for (int i = 0; i < several.items().size() && i < proto.getOutputCount(); i++) {
      boolean named = !proto.getOutput(i).isEmpty();
      results.add(named ? several.items().get(i).get() : new Argument.None());
    }
    return results;
  }

  /** The branch that a constant chooses. */
  private void addBranch(OnnxNode node) {
    Tensor condition = node.requiredConstant(0, "condition");
    boolean holds = condition.values().length > 0 && condition.values()[0] != 0f;
    GraphProto branch = graph(node, holds ? "then_branch" : "else_branch");
    addAll(branch);
    for (int i = 0; i < branch.getOutputCount(); i++) {
      String name = branch.getOutput(i).getName();
      values.put(node.proto().getOutput(i), values.argument(name));
      if (values.isInteger(name)) {
        values.markInteger(node.proto().getOutput(i));
      }
    }
  }

  /**
   * The body for each element of a sequence; other operands are sequences too, or the same for all.
   */
  private void addForEach(OnnxNode node) {
    GraphProto body = graph(node, "body");
    List<Argument> operands = node.arguments();
    if (!(operands.get(0) instanceof Argument.Several sequence)
        || body.getInputCount() != operands.size()) {
      throw node.refuse("input 0 is no sequence, or its body takes other inputs");
    }
    List<List<Argument>> results = new ArrayList<>();
    body.getOutputList().forEach(output -> results.add(new ArrayList<>()));
    for (int element = 0; element < sequence.items().size(); element++) {
      for (int i = 0; i < operands.size(); i++) {
        Argument operand = operands.get(i);
        boolean each = operand instanceof Argument.Several;
        values.put(
            body.getInput(i).getName(),
            each ? ((Argument.Several) operand).items().get(element).get() : operand);
      }
      addAll(body);
      for (int i = 0; i < results.size(); i++) {
        ValueInfoProto output = body.getOutput(i);
        results.get(i).add(values.argument(output.getName()));
      }
    }
    for (int i = 0; i < results.size(); i++) {
      values.put(node.proto().getOutput(i), Argument.Several.of(results.get(i)));
    }
  }

  /** A graph of a node with as many outputs as the node, and its stored tensors. */
  private GraphProto graph(OnnxNode node, String attribute) {
    GraphProto graph =
        node.attribute(attribute).orElseThrow(() -> node.refuse("it has no " + attribute)).getG();
    if (graph.getOutputCount() != node.proto().getOutputCount()) {
      throw new MalformedFile(
          "%s (%s): its %s has %d outputs and it %d"
              .formatted(
                  node.name(),
                  node.operator(),
                  attribute,
                  graph.getOutputCount(),
                  node.proto().getOutputCount()));
    }
    refuseUnsupported(graph);
    addConstants(graph);
    return graph;
  }
}
