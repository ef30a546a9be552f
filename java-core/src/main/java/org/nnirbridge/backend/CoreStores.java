package org.nnirbridge.backend;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nnirbridge.diagnostic.DoesNotFit;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.isa.Address;
import org.nnirbridge.isa.Region;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.program.CoreImage;
import org.nnirbridge.program.FixedBlock;

/**
 * What all models of a program share in one core: weights, constants, clamp bounds, room for state.
 */
final class CoreStores {
  private final int core;
  private final HardwareConfig config;
  final WeightStore weights;
  private final Map<FixedKey, Local> constants = new LinkedHashMap<>();
  private final Map<FixedKey, float[]> constantValues = new LinkedHashMap<>();
  private final List<float[]> clamps = new ArrayList<>();
  private int tensorReserved;
  private int cellReserved;
  private int tensorUsed;
  private int cellUsed;
  private int accumulatorsUsed;

  private record FixedKey(NumberFormat format, List<Integer> bits) {}

  CoreStores(int core, HardwareConfig config) {
    this.core = core;
    this.config = config;
    this.weights = new WeightStore(config.blockSize());
  }

  /** The place of a constant; equal ones are stored once. */
  Local constant(float[] values, NumberFormat format) {
    FixedKey key =
        new FixedKey(format, Arrays.stream(boxed(values)).map(Float::floatToRawIntBits).toList());
    return constants.computeIfAbsent(
        key,
        k -> {
          Local local = new Local(format, -1, -1, Region.TENSOR);
          local.place = Place.in(Region.TENSOR, reserveTensor(local.blocks()));
          constantValues.put(k, values);
          return local;
        });
  }

  private static Float[] boxed(float[] values) {
    Float[] boxed = new Float[values.length];
    Arrays.setAll(boxed, i -> values[i]);
    return boxed;
  }

  /** The number of a pair of clamp bounds, from 1; 0 stands for none. */
  int clamp(float minimum, float maximum) {
    for (int i = 0; i < clamps.size(); i++) {
      if (Arrays.equals(clamps.get(i), new float[] {minimum, maximum})) {
        return i + 1;
      }
    }
    clamps.add(new float[] {minimum, maximum});
    check("clamp store", "pairs of bounds", clamps.size(), config.clampStoreDepth());
    return clamps.size();
  }

  /** Takes blocks of tensor RAM for good: constants and state of any model. */
  int reserveTensor(int blocks) {
    int base = tensorReserved;
    tensorReserved += blocks;
    useTensor(tensorReserved);
    return base;
  }

  int reserveCell(int blocks) {
    int base = cellReserved;
    cellReserved += blocks;
    useCell(cellReserved);
    return base;
  }

  int tensorReserved() {
    return tensorReserved;
  }

  int cellReserved() {
    return cellReserved;
  }

  /** Notes that a model's work reaches up to a block. */
  void useTensor(int end) {
    check("tensor RAM", "blocks", end, config.tensorRamDepth());
    tensorUsed = Math.max(tensorUsed, end);
  }

  void useCell(int end) {
    check("cell state store", "blocks", end, config.cellStateDepth());
    cellUsed = Math.max(cellUsed, end);
  }

  void useAccumulators(int end) {
    check("accumulator store", "accumulators", end, config.accumStoreDepth());
    accumulatorsUsed = Math.max(accumulatorsUsed, end);
  }

  void useDescriptors(int count) {
    check("tensor descriptor table", "descriptors", count, config.tensorDescriptorCount());
  }

  private void check(String store, String unit, int need, int has) {
    if (need > has) {
      throw new DoesNotFit(
          "%s of core %d: needs at least %d %s, has %d; use a larger config or a smaller model"
              .formatted(store, core, need, unit, has));
    }
  }

  CoreImage image() {
    List<FixedBlock> blocks = new ArrayList<>();
    constants.forEach(
        (key, local) ->
            blocks.add(
                new FixedBlock(
                    Address.of(Region.TENSOR, local.place.index()),
                    key.format(),
                    constantValues.get(key))));
    float[] minimum = new float[clamps.size()];
    float[] maximum = new float[clamps.size()];
    for (int i = 0; i < minimum.length; i++) {
      minimum[i] = clamps.get(i)[0];
      maximum[i] = clamps.get(i)[1];
    }
    return new CoreImage(
        weights.fp8Contents(),
        weights.bf16Contents(),
        blocks,
        minimum,
        maximum,
        tensorUsed,
        cellUsed,
        accumulatorsUsed);
  }
}
