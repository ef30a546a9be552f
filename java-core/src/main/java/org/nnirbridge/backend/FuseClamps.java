package org.nnirbridge.backend;

import java.util.List;
import java.util.Optional;
import org.nnirbridge.hardware.CorePartitions;
import org.nnirbridge.tile.Tile;
import org.nnirbridge.tile.TileGraph;
import org.nnirbridge.tile.TileOp;

/**
 * Moves a clamp into the store of the sum it clamps, when nothing else reads that sum and one core
 * may do both.
 *
 * <p>The bits stay: the store rounds first and clamps then, as the two instructions did.
 */
final class FuseClamps {
  private FuseClamps() {}

  static TileGraph run(TileGraph graph) {
    int[] users = Users.count(graph);
    TileRewriter rewriter = new TileRewriter(graph);
    for (Tile tile : graph.tiles()) {
      if (tile.op() instanceof TileOp.ClampLanes clamp
          && graph.tile(clamp.a()).op() instanceof TileOp.MatVec sum
          && !sum.isClamped()
          && users[clamp.a()] == 1
          && graph.tile(clamp.a()).format() == tile.format()
          && sharedCores(graph.tile(clamp.a()), tile).isPresent()) {
        TileOp.MatVec renamed = sum.withOperands(rewriter::newId);
        rewriter.keepAs(
            tile,
            graph.tile(clamp.a()).layer(),
            sharedCores(graph.tile(clamp.a()), tile).orElseThrow(),
            renamed.clamped(clamp.minimum(), clamp.maximum()));
      } else {
        rewriter.keep(tile);
      }
    }
    return DropDeadTiles.run(rewriter.build());
  }

  private static Optional<List<Integer>> sharedCores(Tile sum, Tile clamp) {
    return CorePartitions.common(List.of(sum.cores(), clamp.cores()));
  }
}
