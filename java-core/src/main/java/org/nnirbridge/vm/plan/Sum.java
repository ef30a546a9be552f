package org.nnirbridge.vm.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** A block row of a product: the start, then weight blocks times sources, in order. */
final class Sum implements Result {
  private Value start;
  private final List<Slice> slices;
  private final List<WeightBlock> weights;

  /** The first lanes of a block of inputs. */
  record Slice(Value source, int lanes) {}

  /** Where a weight block is stored. */
  record WeightBlock(int core, int index) {}

  Sum(Value start, List<Slice> slices, List<WeightBlock> weights) {
    this.start = start;
    this.slices = new ArrayList<>(slices);
    this.weights = List.copyOf(weights);
  }

  /** A sum of the products of {@code first}, if that is a sum, and more of them. */
  static Sum continued(Value first, List<Slice> slices, List<WeightBlock> weights) {
    if (!(first instanceof Sum sum)) {
      return new Sum(first, slices, weights);
    }
    List<Slice> allSlices = new ArrayList<>(sum.slices);
    allSlices.addAll(slices);
    List<WeightBlock> allWeights = new ArrayList<>(sum.weights);
    allWeights.addAll(weights);
    return new Sum(sum.start, allSlices, allWeights);
  }

  Value start() {
    return start;
  }

  List<Slice> slices() {
    return slices;
  }

  /** A block for each slice. */
  List<WeightBlock> weights() {
    return weights;
  }

  /** How many values are multiplied for each output lane. */
  int inputs() {
    return slices.stream().mapToInt(Slice::lanes).sum();
  }

  @Override
  public Iterable<Value> sources() {
    List<Value> sources = new ArrayList<>();
    sources.add(start);
    slices.forEach(slice -> sources.add(slice.source()));
    return sources;
  }

  @Override
  public void replaceSources(UnaryOperator<Value> replacement) {
    start = replacement.apply(start);
    slices.replaceAll(slice -> new Slice(replacement.apply(slice.source()), slice.lanes()));
  }
}
