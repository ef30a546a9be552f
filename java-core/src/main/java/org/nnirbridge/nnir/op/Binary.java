package org.nnirbridge.nnir.op;

import java.util.List;
import java.util.Optional;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.TileBuilder;
import org.nnirbridge.tile.TileTensor;

/**
 * An elementwise function of two tensors of one shape; {@link Broadcast} comes before it.
 *
 * @param fusion for an addition whether it is done on the accumulator of one operand's sum
 */
public record Binary(BinaryFunction function, Fusion fusion) implements Elementwise {
  /** Which operand is a sum of products that starts at the other operand, instead of at zero. */
  public enum Fusion {
    /** Not decided yet. */
    OPEN,
    NEITHER,
    FIRST,
    SECOND,
    /** The first, and the second is a sum of products that is not rounded before. */
    FIRST_ON_SUM,
    SECOND_ON_SUM
  }

  public Binary(BinaryFunction function) {
    this(function, function == BinaryFunction.ADD ? Fusion.OPEN : Fusion.NEITHER);
  }

  @Override
  public String label() {
    return Print.label(function);
  }

  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    if (!inputs.get(0).shape().equals(inputs.get(1).shape())) {
      throw new UnsupportedModel(
          "operands have shapes " + inputs.get(0).shape() + " and " + inputs.get(1).shape());
    }
    return inputs
        .get(0)
        .withFormat(function.isComparison() ? NumberFormat.BF16 : context.activationFormat());
  }

  @Override
  public TileTensor lower(LowerStep step) {
    NumberFormat format = step.type().format();
    TileTensor first = step.input(0);
    TileTensor second = step.input(1);
    return switch (fusion) {
      case FIRST, FIRST_ON_SUM -> sum(step.tiles(), second, first, format);
      case SECOND, SECOND_ON_SUM -> sum(step.tiles(), first, second, format);
      case OPEN, NEITHER ->
          first.zip(
              second,
              (a, b) ->
                  function.isComparison()
                      ? step.tiles().compare(function, a, b)
                      : step.tiles().binary(function, a, b, format));
    };
  }

  private TileTensor sum(TileBuilder tiles, TileTensor start, TileTensor sum, NumberFormat format) {
    boolean onSum = fusion == Fusion.FIRST_ON_SUM || fusion == Fusion.SECOND_ON_SUM;
    return start.zip(sum, (a, b) -> tiles.sumFrom(a, onSum, b, format));
  }

  @Override
  public Optional<Tensor> fold(List<Tensor> inputs) {
    float[] values = inputs.get(0).values().clone();
    for (int i = 0; i < values.length; i++) {
      values[i] = function.apply(values[i], inputs.get(1).values()[i]);
    }
    return Optional.of(new Tensor(inputs.get(0).shape(), values));
  }

  @Override
  public boolean hasFloat32() {
    return function != BinaryFunction.DIV;
  }
}
