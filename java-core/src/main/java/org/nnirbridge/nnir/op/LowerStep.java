package org.nnirbridge.nnir.op;

import java.util.List;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.tile.TileBuilder;
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
  public TileTensor input(int index) {
    return inputs.get(index);
  }
}
