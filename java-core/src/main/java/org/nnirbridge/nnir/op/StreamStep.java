package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.GraphBuilder;
import org.nnirbridge.nnir.Node;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;

/**
 * A node on its way into the streaming graph.
 *
 * @param builder the streaming graph
 * @param node the original node
 * @param inputTypes the original types of the operands
 * @param inputs the operands in the streaming graph
 */
public record StreamStep(
    GraphBuilder builder, Node node, List<TensorType> inputTypes, List<StreamedNode> inputs) {
  /** In place of a time axis: the tensor does not depend on any streamed input. */
  public static final int NO_TIME = -1;

  public int timeAxis(int input) {
    return inputs.get(input).timeAxis();
  }

  public TensorType inputType(int input) {
    return inputTypes.get(input);
  }

  /** Adds an operator with this node's name and context. */
  public int add(Op op, List<Integer> operands) {
    return builder.add(node.name(), op, node.context(), operands);
  }

  /** Adds an operator on all operands; its result has the given time axis in the original. */
  public StreamedNode apply(Op op, int timeAxis) {
    return new StreamedNode(add(op, inputs.stream().map(StreamedNode::node).toList()), timeAxis);
  }

  /** The refusal of this node, naming it. */
  public UnsupportedModel refuse(String why) {
    return new UnsupportedModel("streaming_transform: " + node.place() + ": " + why);
  }

  /**
   * The operands of an elementwise operator, all with one time axis: constants that do not vary
   * along it lose it.
   */
  public StreamedNode applyElementwise(Op op) {
    int timeAxis =
        inputs.stream()
            .mapToInt(StreamedNode::timeAxis)
            .filter(axis -> axis != NO_TIME)
            .findFirst()
            .orElse(NO_TIME);
    if (timeAxis == NO_TIME) {
      return apply(op, NO_TIME);
    }
    List<Integer> operands = new ArrayList<>();
    for (int i = 0; i < inputs.size(); i++) {
      operands.add(operandAlong(i, timeAxis));
    }
    return new StreamedNode(add(op, operands), timeAxis);
  }

  /** An operand whose time is an axis: a constant that does not vary along it loses it. */
  int operandAlong(int input, int axis) {
    if (timeAxis(input) == NO_TIME) {
      return constantAtOneStep(input, axis);
    }
    if (timeAxis(input) != axis) {
      throw refuse(
          "its operands have their time on different axes ("
              + axis
              + " and "
              + timeAxis(input)
              + "); transpose one of them so that the streaming axes agree");
    }
    return inputs.get(input).node();
  }

  /** An operator whose operands have their features on the last axis and are rows otherwise. */
  StreamedNode applyAlongRows(Op op) {
    for (int i = 0; i < inputs.size(); i++) {
      if (timeAxis(i) != NO_TIME && timeAxis(i) == inputType(i).rank() - 1) {
        throw refuseAlongTime("it contracts its features", timeAxis(i));
      }
    }
    return applyElementwise(op);
  }

  /** An operand that does not depend on time, where it is the same all along an axis. */
  int constantAtOneStep(int input, int timeAxis) {
    Node constantNode = builder.node(inputs.get(input).node());
    if (!(constantNode.op() instanceof Constant constant)) {
      throw refuse(
          constantNode.name()
              + " does not depend on the streamed input, yet has an extent along the time axis "
              + timeAxis
              + "; make it a constant or compute it from the input");
    }
    Tensor step = atOneStep("constant " + constantNode.name(), constant.tensor(), timeAxis);
    return builder.constant(constantNode.name(), step);
  }

  /** A tensor that is the same all along an axis, without that axis. */
  Tensor atOneStep(String name, Tensor tensor, int timeAxis) {
    List<Integer> stepShape = Shapes.without(tensor.shape(), timeAxis);
    int extent = tensor.shape().get(timeAxis);
    int stride = Shapes.stride(tensor.shape(), timeAxis);
    float[] step = new float[Shapes.size(stepShape)];
    for (int i = 0; i < step.length; i++) {
      int first = i / stride * stride * extent + i % stride;
      step[i] = tensor.values()[first];
      for (int t = 1; t < extent; t++) {
        if (Float.floatToIntBits(tensor.values()[first + t * stride])
            != Float.floatToIntBits(step[i])) {
          throw refuse(
              "the "
                  + name
                  + " of shape "
                  + tensor.shape()
                  + " varies along the time axis "
                  + timeAxis
                  + "; a streaming model sees one time step, so use a constant with extent 1 there");
        }
      }
    }
    return new Tensor(stepShape, step);
  }

  /** The same node on other operands. */
  StreamStep on(List<StreamedNode> others) {
    return new StreamStep(builder, node, inputTypes, others);
  }

  /** The refusal of operands that hold an excerpt of the time steps. */
  UnsupportedModel refuseExcerpts() {
    StreamedNode input =
        inputs.stream().filter(operand -> operand.excerpt().isPresent()).findFirst().orElseThrow();
    StreamedNode.Excerpt part = input.excerpt().orElseThrow();
    return refuse(
        builder.node(input.node()).name()
            + ", which it reads, was made "
            + Shapes.counted(part.length(), "time step")
            + " long where the sequence has "
            + part.steps()
            + (part.length() == 1
                ? "; keep it as a state of a vollo_torch.nn.Scan"
                : "; make it as long before computing with it, as torch.cat([zeros, x[:-1]]) does"));
  }

  /** The time steps of the only operand from one on, as far as none lies ahead. */
  StreamedNode shortened(int start, int length) {
    StreamedNode input = inputs.get(0);
    StreamedNode.Excerpt whole = excerptOf(0);
    if (start > whole.lead()) {
      throw refuse(
          "it looks ahead along the streaming axis "
              + input.timeAxis()
              + ": step i of its result is step i + "
              + (start - whole.lead())
              + " of what it slices; only shifts to later steps can stream, as torch.cat([zeros,"
              + " x[:-1]]) is one"
              + (length == 1 ? "; instead of one step, return them all" : ""));
    }
    return delayed(
        input,
        new StreamedNode.Excerpt(whole.lead() - start, whole.constant(), length, whole.steps()));
  }

  /**
   * Constant time steps, then those of the only operand with time; what comes after them is never
   * reached, since a stream has no end.
   */
  StreamedNode joinedAlongTime(int axis) {
    int sequence = 0;
    while (timeAxis(sequence) == NO_TIME) {
      sequence++;
    }
    StreamedNode.Excerpt rest = excerptOf(sequence);
    int lead = rest.lead();
    int length = rest.length();
    Tensor constant = rest.constant();
    for (int i = inputs.size() - 1; i >= 0; i--) {
      int extent = inputType(i).shape().get(axis);
      length += i == sequence ? 0 : extent;
      if (i != sequence && timeAxis(i) != NO_TIME) {
        throw refuseJoining("two sequences", axis);
      }
      if (i < sequence) {
        Tensor before = ((Constant) builder.node(constantAtOneStep(i, axis)).op()).tensor();
        if (lead > 0 && !before.equals(constant)) {
          throw refuseJoining("different constants", axis);
        }
        constant = before;
        lead += extent;
      }
    }
    boolean isComplete = rest.length() - rest.lead() >= rest.steps();
    if (sequence < inputs.size() - 1 && !isComplete) {
      throw refuseJoining("others to a part of a sequence", axis);
    }
    return delayed(
        inputs.get(sequence), new StreamedNode.Excerpt(lead, constant, length, rest.steps()));
  }

  private UnsupportedModel refuseJoining(String what, int axis) {
    return refuse(
        "it joins "
            + what
            + " along the streaming axis "
            + axis
            + "; only one constant in front of one sequence can stream, as in torch.cat([zeros,"
            + " x[:-1]])");
  }

  /**
   * The last time steps of the only operand, oldest first.
   *
   * @param count how many
   * @param distance how many steps lie from one to the next
   * @param before what stands for each step before the first
   */
  List<Integer> window(int count, int distance, Tensor before) {
    int current = inputs.get(0).node();
    List<Integer> taps = new ArrayList<>();
    if (count > 1) {
      int depth = (count - 1) * distance;
      int state =
          builder.declareState(node.name() + "_window", builder.type(current), depth, before);
      builder.setSource(state, current);
      for (int tap = count - 1; tap > 0; tap--) {
        taps.add(builder.readState(state, tap * distance, node.context()));
      }
    }
    taps.add(current);
    return taps;
  }

  /** The first of a sequence's time steps, or some more that follow from none. */
  StreamedNode firstSteps(StreamedNode sequence, int length, int steps) {
    Tensor none = new Tensor(List.of(0), new float[0]);
    return delayed(sequence, new StreamedNode.Excerpt(0, none, length, steps));
  }

  StreamedNode.Excerpt excerptOf(int input) {
    int extent = inputType(input).shape().get(timeAxis(input));
    Tensor none = new Tensor(List.of(0), new float[0]);
    return inputs.get(input).excerpt().orElse(new StreamedNode.Excerpt(0, none, extent, extent));
  }

  /** An excerpt that has as many time steps as the sequence is the sequence, later. */
  private StreamedNode delayed(StreamedNode sequence, StreamedNode.Excerpt excerpt) {
    if (excerpt.length() != excerpt.steps()) {
      return new StreamedNode(sequence.node(), sequence.timeAxis(), Optional.of(excerpt));
    }
    if (excerpt.lead() == 0) {
      return new StreamedNode(sequence.node(), sequence.timeAxis());
    }
    TensorType entry = builder.type(sequence.node());
    int state =
        builder.declareState(node.name() + "_delay", entry, excerpt.lead(), excerpt.constant());
    builder.setSource(state, sequence.node());
    return new StreamedNode(
        builder.readState(state, excerpt.lead(), node.context()), sequence.timeAxis());
  }

  /** Where an axis of the original lies once the time axis is gone. */
  public static int axisWithoutTime(int axis, int timeAxis) {
    return timeAxis != NO_TIME && axis > timeAxis ? axis - 1 : axis;
  }

  /** The refusal of an operator that would need several time steps at once. */
  public UnsupportedModel refuseAlongTime(String what, int timeAxis) {
    return refuse(
        what
            + " along the streaming axis "
            + timeAxis
            + " of "
            + Arrays.toString(inputType(0).shape().toArray())
            + ", and a streaming model sees one time step at a time; stream over another axis");
  }
}
