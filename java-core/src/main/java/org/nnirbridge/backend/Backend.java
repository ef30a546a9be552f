package org.nnirbridge.backend;

import java.util.ArrayList;
import java.util.List;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.program.CoreCode;
import org.nnirbridge.program.CoreImage;
import org.nnirbridge.tile.TileGraph;

/**
 * From tiles to instructions: place, order, allocate, assemble. All models of a program share the
 * stores.
 */
public final class Backend {
  private Backend() {}

  /** The images of the cores, and for each model the code of each core. */
  public record Result(List<CoreImage> images, List<List<CoreCode>> code) {}

  /**
   * Compiles the models of a program.
   *
   * @param kind which rows of blocks are cut into pieces for several cores
   * @param seed decides between places that look alike; 0 for the usual choice
   * @throws org.nnirbridge.diagnostic.DoesNotFit naming the store, the core, the need and the depth
   */
  public static Result compile(
      HardwareConfig config, List<TileGraph> models, RowCuts.Kind kind, long seed) {
    RowCuts cuts = new RowCuts(kind, config);
    List<CoreStores> stores = new ArrayList<>();
    for (int core = 0; core < config.numCores(); core++) {
      stores.add(new CoreStores(core, config));
    }
    Placer placer =
        new Placer(config, stores.stream().map(store -> store.weights).toList(), cuts, seed);
    List<List<CoreWork>> work = new ArrayList<>();
    for (TileGraph model : models) {
      TileGraph fused = FuseClamps.run(DropDeadTiles.run(model));
      TileGraph prepared = HoistStateWork.run(CutSums.run(fused, cuts));
      Placement placement = placer.place(prepared);
      List<Integer> order = TileOrder.of(prepared, placement, config);
      work.add(new CodeGenerator(prepared, placement, order, stores).generate());
    }
    List<List<CoreCode>> code = new ArrayList<>();
    for (List<CoreWork> model : work) {
      List<CoreCode> ofCores = new ArrayList<>();
      for (CoreWork core : model) {
        Allocator.allocate(core, config);
        AllocationVerifier.verify(core);
        ofCores.add(Assembler.assemble(core, config, cuts));
      }
      code.add(ofCores);
    }
    return new Result(stores.stream().map(CoreStores::image).toList(), code);
  }
}
