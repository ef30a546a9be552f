package org.nnirbridge.nnir.op;

import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.nnirbridge.diagnostic.CompilerBug;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.TileTensor;
import org.nnirbridge.tile.Vector;

/**
 * One output step of a convolution: its operands are the taps {@code (batch?, channels)}, oldest
 * first.
 */
public record Conv1dStep(ConvolutionWeights weights) implements Op {
  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    List<Integer> shape = inputs.get(0).shape();
    return new TensorType(
        Shapes.with(shape, shape.size() - 1, weights.outChannels()), NumberFormat.BF16);
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    int[] choice = new int[inputs.size() + 1];
    Arrays.fill(choice, result.rank() - 1);
    return new DataDims(List.of(choice), "channels are the data dimension: [* c!] -> [* d!]");
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    throw new CompilerBug(step.node().place() + " is already one step of a stream");
  }

  @Override
  public TileTensor lower(LowerStep step) {
    Function<List<Vector>, Vector> sum = weights.lowerTaps(step);
    int vectors = step.input(0).vectors().size();
    return new TileTensor(
        step.type().shape(),
        step.dataDim(),
        IntStream.range(0, vectors)
            .mapToObj(
                v -> sum.apply(step.inputs().stream().map(tap -> tap.vectors().get(v)).toList()))
            .toList());
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return weights.attributes(context);
  }
}
