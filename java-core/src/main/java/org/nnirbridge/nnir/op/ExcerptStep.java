package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import org.nnirbridge.nnir.Node;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.numerics.NumberFormat;

/**
 * Streams operators on excerpts of the time steps. What streams never looks ahead, so that on the
 * first time steps it gives the first of its results: {@code relu(x[:-1])} is {@code relu(x)[:-1]}.
 */
public final class ExcerptStep {
  private ExcerptStep() {}

  /** Streams a node whose operands may all hold the same excerpt of the time steps. */
  public static StreamedNode stream(StreamStep step) {
    Op op = step.node().op();
    Optional<StreamedNode.Excerpt> common = common(step.inputs());
    if (op.streamsExcerpts(step) || step.inputs().stream().allMatch(x -> x.excerpt().isEmpty())) {
      return op.stream(step);
    }
    if (common.isEmpty()) {
      throw step.refuseExcerpts();
    }
    StreamedNode.Excerpt excerpt = common.get();
    StreamedNode result =
        op.stream(step.on(step.inputs().stream().map(ExcerptStep::whole).toList()));
    if (result.timeAxis() == StreamStep.NO_TIME) {
      throw step.refuseExcerpts();
    }
    Tensor constant = excerpt.lead() == 0 ? excerpt.constant() : onConstants(step);
    return new StreamedNode(
        result.node(), result.timeAxis(), Optional.of(excerpt.withConstant(constant)));
  }

  /** The excerpt that all operands with time hold; empty where they differ. */
  private static Optional<StreamedNode.Excerpt> common(List<StreamedNode> inputs) {
    List<StreamedNode> timed =
        inputs.stream().filter(input -> input.timeAxis() != StreamStep.NO_TIME).toList();
    if (timed.isEmpty() || timed.get(0).excerpt().isEmpty()) {
      return Optional.empty();
    }
    StreamedNode.Excerpt first = timed.get(0).excerpt().get();
    boolean aligned =
        timed.stream().allMatch(x -> x.excerpt().filter(first::isAlignedWith).isPresent());
    return aligned ? Optional.of(first) : Optional.empty();
  }

  private static StreamedNode whole(StreamedNode input) {
    return new StreamedNode(input.node(), input.timeAxis());
  }

  /**
   * The operator's result on the constant time steps before the sequence. It may be computed ahead
   * only where rounding once, at the end, gives what rounding every constant first does.
   */
  private static Tensor onConstants(StreamStep step) {
    Op op = step.node().op();
    NumberFormat format = step.node().type().format();
    if (op instanceof Elementwise || op instanceof Rearrangement) {
      Optional<Tensor> exact = result(step, (constant, as) -> constant);
      Optional<Tensor> rounded = result(step, ExcerptStep::rounded);
      if (exact.isPresent()
          && rounded(exact.get(), format).equals(rounded(rounded.orElseThrow(), format))) {
        return exact.get();
      }
    }
    throw step.refuseExcerpts();
  }

  /** What the operator makes of the constants before the sequence; empty when it needs others. */
  private static Optional<Tensor> result(
      StreamStep step, BiFunction<Tensor, NumberFormat, Tensor> rounding) {
    List<StreamedNode> constants = new ArrayList<>();
    for (StreamedNode input : step.inputs()) {
      Node node = step.builder().node(input.node());
      Tensor given;
      if (input.excerpt().isPresent()) {
        given = rounding.apply(input.excerpt().get().constant(), node.type().format());
      } else if (node.op() instanceof Constant constant) {
        given = rounding.apply(constant.tensor(), step.node().type().format());
      } else {
        return Optional.empty();
      }
      int constant = step.builder().constant(step.node().name(), given);
      constants.add(new StreamedNode(constant, input.timeAxis()));
    }
    Op result = step.builder().node(step.node().op().stream(step.on(constants)).node()).op();
    return result instanceof Constant constant ? Optional.of(constant.tensor()) : Optional.empty();
  }

  private static Tensor rounded(Tensor tensor, NumberFormat format) {
    float[] values = tensor.values().clone();
    for (int i = 0; i < values.length; i++) {
      values[i] = format.round(values[i]);
    }
    return new Tensor(tensor.shape(), values);
  }
}
