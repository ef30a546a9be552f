package org.nnirbridge.backend;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.isa.Address;
import org.nnirbridge.isa.Descriptor;
import org.nnirbridge.isa.Field;
import org.nnirbridge.isa.Instruction;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.isa.Region;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.program.CoreCode;
import org.nnirbridge.program.LayerRun;
import org.nnirbridge.tile.TileOp;

/**
 * Turns a core's allocated steps into instructions; neighbours on neighbouring blocks become one.
 */
final class Assembler {
  /** How many blocks one instruction moves on a link at most. */
  static final int MOST_MOVED = 8;

  private final CoreWork work;
  private final HardwareConfig config;
  private final RowCuts cuts;
  private final List<Draft> drafts = new ArrayList<>();
  private int nextScratch;
  private int layer;

  /** An instruction with places; {@code format} tells how far apart its blocks are. */
  private record Draft(
      Opcode opcode, List<Place> places, int[] numbers, NumberFormat format, int layer) {}

  private Assembler(CoreWork work, HardwareConfig config, RowCuts cuts) {
    this.cuts = cuts;
    this.work = work;
    this.config = config;
  }

  static CoreCode assemble(CoreWork work, HardwareConfig config, RowCuts cuts) {
    Assembler assembler = new Assembler(work, config, cuts);
    for (Step step : work.steps) {
      assembler.draft(step);
    }
    return assembler.encode();
  }

  private void draft(Step step) {
    layer = step.layer();
    if (step.opcode() == Opcode.MATVEC) {
      draftSum(step);
      return;
    }
    List<Place> places = new ArrayList<>();
    NumberFormat format = NumberFormat.BF16;
    if (step.target() != null) {
      places.add(step.target().place);
      format = step.target().format;
    }
    for (Local source : step.sources()) {
      places.add(source.place);
      format = step.target() == null ? source.format : format;
    }
    int[] numbers = step.numbers().stream().mapToInt(Integer::intValue).toArray();
    addOrExtend(new Draft(step.opcode(), places, numbers, format, layer));
  }

  private void draftSum(Step step) {
    TileOp.MatVec sum = step.sum();
    Local target = step.target();
    Local initial = step.initial().orElse(null);
    Place accumulator = accumulatorFor(target, initial);
    if (initial == null) {
      add(Opcode.CLEAR, List.of(accumulator));
    } else if (!accumulator.equals(initial.place)) {
      add(Opcode.LOAD, List.of(accumulator, initial.place));
    }
    int next = initial == null ? 0 : 1;
    for (int i = 0; i < sum.segments().size(); i++) {
      TileOp.Segment segment = sum.segments().get(i);
      int end = next + segment.inputs().size();
      Optional<Local> addend = i == sum.segments().size() - 1 ? step.addend() : Optional.empty();
      draftSegment(segment, accumulator, step.sources().subList(next, end), addend);
      next = end;
    }
    if (!accumulator.equals(target.place)) {
      int format = step.numbers().get(0);
      int clamp = step.numbers().get(1);
      drafts.add(
          new Draft(
              Opcode.STORE,
              List.of(target.place, accumulator),
              new int[] {format, clamp},
              target.format,
              layer));
    }
  }

  private Place accumulatorFor(Local target, Local initial) {
    if (target.place.region() == Region.ACCUMULATOR) {
      return target.place;
    }
    if (initial != null && initial.place.region() == Region.ACCUMULATOR && initial.reads == 1) {
      return initial.place;
    }
    nextScratch = (nextScratch + 1) % Allocator.scratchAccumulators(config);
    return Place.in(Region.ACCUMULATOR, nextScratch);
  }

  /**
   * @param addend what is added after the last product
   */
  private void draftSegment(
      TileOp.Segment segment, Place accumulator, List<Local> inputs, Optional<Local> addend) {
    int blockSize = config.blockSize();
    WeightStore.RowPiece piece = cuts.pieceOf(segment);
    int weight = work.stores.weights.address(piece) + segment.firstBlock() - piece.from();
    int column = 0;
    while (column < inputs.size()) {
      Place first = inputs.get(column).place;
      int count = 1;
      while (column + count < inputs.size()
          && count < config.maxReadSize()
          && inputs.get(column + count).place.equals(first.plus(count))) {
        count++;
      }
      int lastBlock = segment.firstBlock() + column + count - 1;
      int rest = segment.matrix().columns() - lastBlock * blockSize;
      List<Place> places = new ArrayList<>(List.of(accumulator, first));
      if (column + count == inputs.size()) {
        addend.ifPresent(local -> places.add(local.place));
      }
      drafts.add(
          new Draft(
              Opcode.MATVEC,
              places,
              new int[] {weight + column, count, Math.min(blockSize, rest)},
              NumberFormat.BF16,
              layer));
      column += count;
    }
  }

  private void add(Opcode opcode, List<Place> places) {
    drafts.add(new Draft(opcode, places, new int[0], NumberFormat.FP32, layer));
  }

  private void addOrExtend(Draft draft) {
    int count = countIndex(draft.opcode());
    if (count >= 0 && !drafts.isEmpty()) {
      Draft last = drafts.get(drafts.size() - 1);
      if (isNext(last, draft, count)) {
        last.numbers()[count]++;
        return;
      }
    }
    drafts.add(draft);
  }

  /** Where the count is among the numbers of an instruction that moves blocks; -1 for others. */
  private static int countIndex(Opcode opcode) {
    return switch (opcode) {
      case READ, WRITE -> 2;
      case SEND -> 0;
      case RECEIVE -> 1;
      case CLEAR,
          LOAD,
          MATVEC,
          STORE,
          MAP,
          ZIP,
          BOUND,
          MULTIPLY_ADD,
          LANES_MOVE,
          LSTM_CELL,
          LSTM_HIDDEN,
          FOLD,
          SELECT ->
          -1;
    };
  }

  private boolean isNext(Draft last, Draft draft, int count) {
    if (last.opcode() != draft.opcode()
        || last.layer() != draft.layer()
        || last.format() == NumberFormat.FP32
        || draft.format() == NumberFormat.FP32
        || last.numbers()[count] >= mostMoved(draft.opcode())
        || !draft.places().get(0).equals(last.places().get(0).plus(last.numbers()[count]))) {
      return false;
    }
    int[] expected = last.numbers().clone();
    expected[count] = 1;
    if (draft.opcode() == Opcode.READ || draft.opcode() == Opcode.WRITE) {
      expected[1] += last.numbers()[count];
    }
    return Arrays.equals(expected, draft.numbers());
  }

  private int mostMoved(Opcode opcode) {
    boolean onLink = opcode == Opcode.SEND || opcode == Opcode.RECEIVE;
    return onLink ? Math.min(MOST_MOVED, config.maxReadSize()) : config.maxReadSize();
  }

  private CoreCode encode() {
    Map<Descriptor, Integer> descriptors = new LinkedHashMap<>();
    List<Instruction> instructions = new ArrayList<>();
    for (Draft draft : drafts) {
      instructions.add(encode(draft, descriptors));
    }
    work.stores.useDescriptors(descriptors.size());
    return new CoreCode(
        instructions, work.windows, new ArrayList<>(descriptors.keySet()), layerRuns());
  }

  private List<LayerRun> layerRuns() {
    List<LayerRun> runs = new ArrayList<>();
    int first = 0;
    for (int next = 1; next <= drafts.size(); next++) {
      if (next == drafts.size() || drafts.get(next).layer() != drafts.get(first).layer()) {
        runs.add(new LayerRun(drafts.get(first).layer(), next - first));
        first = next;
      }
    }
    return runs;
  }

  private static Instruction encode(Draft draft, Map<Descriptor, Integer> descriptors) {
    List<Field> kinds = draft.opcode().fields();
    int[] fields = new int[kinds.size()];
    int nextPlace = 0;
    int nextNumber = 0;
    for (int i = 0; i < fields.length; i++) {
      fields[i] =
          switch (kinds.get(i)) {
            case TARGET, SOURCE -> encode(draft.places().get(nextPlace++), descriptors);
            case ADDEND ->
                nextPlace == draft.places().size()
                    ? 0
                    : encode(draft.places().get(nextPlace++), descriptors) + 1;
            default -> draft.numbers()[nextNumber++];
          };
    }
    return new Instruction(draft.opcode(), fields);
  }

  private static int encode(Place place, Map<Descriptor, Integer> descriptors) {
    if (place.region() != Region.WINDOW) {
      return Address.of(place.region(), place.index());
    }
    Descriptor descriptor = new Descriptor(place.index(), place.age(), place.offset());
    Integer index = descriptors.putIfAbsent(descriptor, descriptors.size());
    return Address.of(Region.WINDOW, index == null ? descriptors.size() - 1 : index);
  }
}
