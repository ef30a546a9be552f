package org.nnirbridge.frontend.onnx;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.nnirbridge.diagnostic.MalformedFile;
import org.nnirbridge.frontend.fx.Argument;
import org.nnirbridge.frontend.onnx.proto.Onnx.TensorProto;
import org.nnirbridge.nnir.GraphBuilder;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.Constant;

/**
 * The named values of an ONNX graph: constants, which become nodes where they are used, and
 * results.
 */
final class OnnxValues {
  private final GraphBuilder builder;
  private final OnnxTensors tensors;
  private final Map<String, Tensor> constants = new HashMap<>();
  private final Map<String, Argument> results = new HashMap<>();
  private final Set<String> integers = new HashSet<>();
  private final Map<String, Integer> uses;
  private final OnnxGelu gelu = new OnnxGelu();

  /** For a padded tensor what it was and how many zeros lie before and behind its last axis. */
  private final Map<Integer, Padding> paddings = new HashMap<>();

  /** A tensor with zeros around its last axis. */
  record Padding(int node, int left, int right) {}

  /**
   * No values yet.
   *
   * @param uses how often each name is used
   */
  OnnxValues(GraphBuilder builder, OnnxTensors tensors, Map<String, Integer> uses) {
    this.builder = builder;
    this.tensors = tensors;
    this.uses = uses;
  }

  /** The values of a stored tensor. */
  Tensor read(TensorProto tensor) {
    return tensors.read(tensor);
  }

  void putConstant(String name, Tensor tensor) {
    constants.put(name, tensor);
  }

  void put(String name, Argument result) {
    results.put(name, result);
  }

  /**
   * Makes room for another value of a name, where nodes are added for each element of a sequence.
   */
  void forget(String name) {
    constants.remove(name);
    results.remove(name);
    integers.remove(name);
  }

  /** Whether a name stands for a constant that is no node yet. */
  boolean isStored(String name) {
    return constants.containsKey(name);
  }

  /** What has been seen of GELUs that are written out. */
  OnnxGelu gelu() {
    return gelu;
  }

  boolean isPartOfGelu(String name) {
    return gelu.isPart(name);
  }

  /** Marks a value as one of integers, whose division is theirs. */
  void markInteger(String name) {
    integers.add(name);
  }

  boolean isInteger(String name) {
    return integers.contains(name);
  }

  boolean isUsedOnce(String name) {
    return uses.getOrDefault(name, 0) == 1;
  }

  Argument argument(String name) {
    Argument result = results.get(name);
    if (result != null) {
      return result;
    }
    Tensor constant = constants.get(name);
    if (constant == null) {
      throw new MalformedFile(
          "the ONNX model uses the value " + name + " before any node makes it");
    }
    Argument made = new Argument.TensorValue(builder.constant(name, constant));
    results.put(name, made);
    return made;
  }

  /** The value of a name that is known before the model runs. */
  Optional<Tensor> constant(String name) {
    if (constants.containsKey(name)) {
      return Optional.of(constants.get(name));
    }
    return argument(name) instanceof Argument.TensorValue value
            && builder.node(value.node()).op() instanceof Constant constant
        ? Optional.of(constant.tensor())
        : Optional.empty();
  }

  void notePadding(int padded, Padding padding) {
    paddings.put(padded, padding);
  }

  Optional<Padding> padding(int node) {
    return Optional.ofNullable(paddings.get(node));
  }
}
