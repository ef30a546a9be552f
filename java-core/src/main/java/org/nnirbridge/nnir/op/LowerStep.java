package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.numerics.Fp8E4M3;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.TileArithmetic;
import org.nnirbridge.tile.TileBuilder;
import org.nnirbridge.tile.TileProducts;
import org.nnirbridge.tile.TileTensor;

/**
 * A node on its way to tiles.
 *
 * @param inputs the operands, each in the layout that data dimension inference chose
 * @param type the type of the result
 * @param dataDim the data dimension of the result
 */
public record LowerStep(
    TileBuilder tiles, List<TileTensor> inputs, TensorType type, int dataDim, NodeContext context) {
  /** Arithmetic for operators of several steps. */
  public TileArithmetic arithmetic() {
    return new TileArithmetic(tiles);
  }

  /** Products whose factors are not weight blocks. */
  public TileProducts products() {
    return new TileProducts(tiles);
  }

  /** Weights that lie in the tensor RAM: rounded to FP8 within Fp8Weights. */
  float[] storedWeights(float[] values) {
    return context.fp8Weights() ? Fp8E4M3.rounded(values) : values;
  }

  /** A float32 constant with an extent for each of some axes of a tensor, 1 for the others. */
  public TileTensor constant(Tensor values, List<Integer> axes, TileTensor like) {
    List<Integer> shape = new ArrayList<>(Collections.nCopies(like.shape().size(), 1));
    for (int i = 0; i < axes.size(); i++) {
      shape.set(axes.get(i), values.shape().get(i));
    }
    return tiles.constant(shape, values.values(), like.dataDim(), NumberFormat.FP32);
  }

  public TileTensor input(int index) {
    return inputs.get(index);
  }
}
