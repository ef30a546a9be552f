package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.TileTensor;
import org.nnirbridge.tile.Vector;

/**
 * A convolution along the last axis of {@code (batch?, channels, sequence)}.
 *
 * <p>Output {@code t} sums the taps {@code x[t * stride + j * dilation - leftPadding]}, oldest
 * first, zeros outside of the sequence.
 */
public record Conv1d(
    ConvolutionWeights weights, int stride, int dilation, int leftPadding, int rightPadding)
    implements Op {
  private int reach() {
    return (weights.kernelSize() - 1) * dilation;
  }

  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    weights.checkGroups();
    List<Integer> shape = inputs.get(0).shape();
    if (shape.size() != 2 && shape.size() != 3) {
      throw new UnsupportedModel(
          "needs an input of shape (channels, sequence) or (batch, channels, sequence), got "
              + shape);
    }
    int channelAxis = shape.size() - 2;
    if (shape.get(channelAxis) != weights.inChannels()) {
      throw new UnsupportedModel(
          "needs " + weights.inChannels() + " channels on axis " + channelAxis + ", got " + shape);
    }
    int padded = shape.get(channelAxis + 1) + leftPadding + rightPadding;
    if (padded <= reach()) {
      throw new UnsupportedModel(
          "a kernel that spans " + (reach() + 1) + " steps does not fit a sequence of " + padded);
    }
    List<Integer> result = Shapes.with(shape, channelAxis, weights.outChannels());
    return new TensorType(
        Shapes.with(result, channelAxis + 1, (padded - reach() - 1) / stride + 1),
        NumberFormat.BF16);
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    int channelAxis = result.rank() - 2;
    return new DataDims(
        List.of(new int[] {channelAxis, channelAxis}),
        "channels are the data dimension: [* c! t] -> [* d! t]");
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    int time = step.timeAxis(0);
    int rank = step.inputType(0).rank();
    if (time == StreamStep.NO_TIME || time < rank - 2) {
      return step.apply(this, time);
    }
    if (time == rank - 2) {
      throw step.refuseAlongTime("it contracts its channels", time);
    }
    StreamedNode.Excerpt input = step.excerptOf(0);
    if (!input.startsWithZeros()) {
      throw step.refuse(
          "its input is padded along time with other values than zero; pad with zeros, or use"
              + " vollo_torch.nn.PaddedConv1d");
    }
    if (stride != 1 || leftPadding + input.lead() != reach()) {
      throw step.refuse(
          "only a convolution with stride 1, padded on the left by (kernel_size - 1) * dilation ("
              + reach()
              + "), can stream, and this one has stride "
              + stride
              + " and padding "
              + (leftPadding + input.lead())
              + "; use vollo_torch.nn.PaddedConv1d");
    }
    int length = step.node().type().shape().get(time);
    Tensor zeros = Tensor.zeros(step.builder().type(step.inputs().get(0).node()).shape());
    List<Integer> taps = step.window(weights.kernelSize(), dilation, zeros);
    int sum = step.add(new Conv1dStep(weights), taps);
    return step.firstSteps(new StreamedNode(sum, time), length, input.steps());
  }

  @Override
  public boolean streamsExcerpts(StreamStep step) {
    return step.timeAxis(0) == step.inputType(0).rank() - 1;
  }

  @Override
  public TileTensor lower(LowerStep step) {
    TileTensor input = step.input(0);
    int rank = input.shape().size();
    int batch = rank == 3 ? input.shape().get(0) : 1;
    int steps = input.shape().get(rank - 1);
    int outSteps = step.type().shape().get(rank - 1);
    Function<List<Vector>, Vector> sum = weights.lowerTaps(step);
    Vector zeros = step.tiles().zeros(weights.inChannels());
    List<Vector> vectors = new ArrayList<>();
    for (int b = 0; b < batch; b++) {
      for (int t = 0; t < outSteps; t++) {
        List<Vector> taps = new ArrayList<>();
        for (int tap = 0; tap < weights.kernelSize(); tap++) {
          int source = t * stride + tap * dilation - leftPadding;
          boolean inside = source >= 0 && source < steps;
          taps.add(inside ? input.vectors().get(b * steps + source) : zeros);
        }
        vectors.add(sum.apply(taps));
      }
    }
    return new TileTensor(step.type().shape(), step.dataDim(), vectors);
  }

  @Override
  public List<String> attributes(NodeContext context) {
    List<String> attributes = new ArrayList<>(weights.attributes(context));
    attributes.add("stride: " + stride);
    attributes.add("dilation: " + dilation);
    attributes.add("padding: (" + leftPadding + ", " + rightPadding + ")");
    return attributes;
  }
}
