package org.nnirbridge.vm.plan;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.UnaryOperator;

/** A block row of a product: the start, then weight blocks times sources, in order. */
final class Sum implements Result {
  private Value start;
  private List<Slice> slices;
  private List<WeightBlock> weights;

  /** A sum that this one goes on with, until it is asked for all of its slices. */
  private Sum before;

  /** The first lanes of a block of inputs. */
  record Slice(Value source, int lanes) {}

  /** Where a weight block is stored. */
  record WeightBlock(int core, int index) {}

  /** The start, or what it already is the sum of, and more products. */
  Sum(Value start, List<Slice> slices, List<WeightBlock> weights) {
    this.start = start;
    this.before = start instanceof Sum sum ? sum : null;
    this.slices = slices;
    this.weights = weights;
  }

  /** Takes over what the sums before have; a long chain of them is only walked for its last. */
  private void settle() {
    if (before == null) {
      return;
    }
    Deque<Sum> chain = new ArrayDeque<>();
    Sum first = this;
    while (first.before != null) {
      chain.push(first);
      first = first.before;
    }
    List<Slice> allSlices = new ArrayList<>(first.slices);
    List<WeightBlock> allWeights = new ArrayList<>(first.weights);
    for (Sum next : chain) {
      allSlices.addAll(next.slices);
      allWeights.addAll(next.weights);
    }
    start = first.start;
    slices = allSlices;
    weights = allWeights;
    before = null;
  }

  Value start() {
    settle();
    return start;
  }

  List<Slice> slices() {
    settle();
    return slices;
  }

  /** A block for each slice. */
  List<WeightBlock> weights() {
    settle();
    return weights;
  }

  /** How many values are multiplied for each output lane. */
  int inputs() {
    return slices().stream().mapToInt(Slice::lanes).sum();
  }

  @Override
  public Iterable<Value> sources() {
    List<Value> sources = new ArrayList<>();
    sources.add(start());
    slices().forEach(slice -> sources.add(slice.source()));
    return sources;
  }

  @Override
  public void replaceSources(UnaryOperator<Value> replacement) {
    settle();
    start = replacement.apply(start);
    slices =
        slices.stream()
            .map(slice -> new Slice(replacement.apply(slice.source()), slice.lanes()))
            .toList();
  }
}
