package org.nnirbridge.nnir.op;

import java.util.List;
import java.util.Optional;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;

/** A normalization of a constant, computed in float64 and rounded to float32 once. */
final class FoldedNorm {
  private final Tensor x;
  private final AlongAxes op;
  private final int[] groups;

  private FoldedNorm(Tensor x, AlongAxes op) {
    this.x = x;
    this.op = op;
    this.groups = new int[x.values().length];
    for (int i = 0; i < groups.length; i++) {
      int[] coordinates = Shapes.coordinates(x.shape(), i);
      op.axes().forEach(axis -> coordinates[axis] = 0);
      groups[i] = Shapes.flatIndex(x.shape(), coordinates);
    }
  }

  /**
   * The normalized constant.
   *
   * @param centred whether the mean is taken away first
   */
  static Tensor of(
      Tensor x,
      AlongAxes op,
      boolean centred,
      float epsilon,
      Optional<Tensor> weight,
      Optional<Tensor> bias) {
    FoldedNorm norm = new FoldedNorm(x, op);
    double[] values = new double[x.values().length];
    for (int i = 0; i < values.length; i++) {
      values[i] = x.values()[i];
    }
    double[] means = centred ? norm.means(values) : new double[values.length];
    double[] squares = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      values[i] -= means[norm.groups[i]];
      squares[i] = values[i] * values[i];
    }
    double[] meanSquares = norm.means(squares);
    float[] result = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      double scaled = values[i] / Math.sqrt(meanSquares[norm.groups[i]] + epsilon);
      int place = norm.place(i);
      double factor = weight.map(w -> w.values()[place]).orElse(1f);
      result[i] = (float) (scaled * factor + bias.map(b -> b.values()[place]).orElse(0f));
    }
    return new Tensor(x.shape(), result);
  }

  private double[] means(double[] values) {
    double[] means = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      means[groups[i]] += values[i] / op.count(x.shape());
    }
    return means;
  }

  /** Where on the axes a value lies, as a flat index of a weight. */
  private int place(int index) {
    int[] coordinates = Shapes.coordinates(x.shape(), index);
    List<Integer> shape = op.axes().stream().map(x.shape()::get).toList();
    return Shapes.flatIndex(
        shape, op.axes().stream().mapToInt(axis -> coordinates[axis]).toArray());
  }
}
