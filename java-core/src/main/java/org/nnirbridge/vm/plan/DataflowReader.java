package org.nnirbridge.vm.plan;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import org.nnirbridge.diagnostic.MalformedProgram;
import org.nnirbridge.isa.Address;
import org.nnirbridge.isa.Descriptor;
import org.nnirbridge.isa.Field;
import org.nnirbridge.isa.Instruction;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.isa.Region;
import org.nnirbridge.isa.Window;
import org.nnirbridge.numerics.Bf16;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.program.CoreCode;
import org.nnirbridge.program.CoreImage;
import org.nnirbridge.program.ExecutionOrder;
import org.nnirbridge.program.FixedBlock;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Port;
import org.nnirbridge.program.Program;
import org.nnirbridge.vm.VmMode;

/**
 * Follows a model's instructions with the names of values in place of values.
 *
 * <p>Blocks that an inference reads before it writes them are zero unless they are constants or a
 * window's earlier entries (program-format.md).
 */
final class DataflowReader {
  private final Program program;
  private final Model model;
  private final VmMode mode;
  private final int blockSize;
  private final Constant zero;
  private final List<Map<Place, Value>> memories = new ArrayList<>();
  private final Map<Link, Queue<Value>> links = new HashMap<>();
  private final Map<StateBlock, Cell> cells = new HashMap<>();
  private final List<List<Value>> outputs = new ArrayList<>();
  private final List<Result> results = new ArrayList<>();
  private final Map<Sum, Value> canonicalSums = new IdentityHashMap<>();

  /** A block of a core's stores, or of the window entry that is being written. */
  private record Place(Region region, int window, int index) {}

  private record Link(int from, int to) {}

  private DataflowReader(Program program, Model model, VmMode mode) {
    this.program = program;
    this.model = model;
    this.mode = mode;
    this.blockSize = program.config().blockSize();
    this.zero = Constant.zero(blockSize);
    for (CoreImage image : program.images()) {
      Map<Place, Value> memory = new HashMap<>();
      for (FixedBlock block : image.constants()) {
        memory.put(
            new Place(Region.TENSOR, 0, Address.index(block.address())),
            constant(block.values(), block.format()));
      }
      memories.add(memory);
    }
    for (Port port : model.outputs()) {
      outputs.add(new ArrayList<>(Collections.nCopies(port.words(blockSize), zero)));
    }
  }

  /**
   * The values of a model of a program.
   *
   * @throws MalformedProgram when its cores would wait for ever
   */
  static Dataflow read(Program program, Model model, VmMode mode) {
    DataflowReader reader = new DataflowReader(program, model, mode);
    for (ExecutionOrder.Step step :
        ExecutionOrder.of(model.code())
            .orElseThrow(
                () ->
                    new MalformedProgram(
                        "model " + model.name() + ": its cores wait for each other for ever"))) {
      reader.follow(step.core(), model.code().get(step.core()).instructions().get(step.index()));
    }
    return reader.finish();
  }

  private Constant constant(float[] values, NumberFormat format) {
    float[] rounded = new float[values.length];
    for (int j = 0; j < values.length; j++) {
      rounded[j] = mode == VmMode.FLOAT32 ? Bf16.canonical(values[j]) : format.round(values[j]);
    }
    return Constant.of(rounded);
  }

  private void follow(int core, Instruction instruction) {
    int[] fields = instruction.fields();
    switch (instruction.opcode()) {
      case READ -> {
        for (int i = 0; i < fields[3]; i++) {
          put(core, fields[0], i, new Word(fields[1], fields[2] + i));
        }
      }
      case WRITE -> {
        for (int i = 0; i < fields[3]; i++) {
          outputs.get(fields[1]).set(fields[2] + i, canonical(get(core, fields[0], i)));
        }
      }
      case SEND -> {
        for (int to = 0; to < memories.size(); to++) {
          if ((fields[2] >> to & 1) != 0) {
            Queue<Value> link = links.computeIfAbsent(new Link(core, to), k -> new ArrayDeque<>());
            for (int i = 0; i < fields[1]; i++) {
              link.add(get(core, fields[0], i));
            }
          }
        }
      }
      case RECEIVE -> {
        Queue<Value> link = links.get(new Link(fields[1], core));
        for (int i = 0; i < fields[2]; i++) {
          put(core, fields[0], i, link.remove());
        }
      }
      case CLEAR -> put(core, fields[0], 0, zero);
      case LOAD -> put(core, fields[0], 0, get(core, fields[1], 0));
      case MATVEC -> {
        Value sum = computed(product(core, fields));
        boolean hasAddend = fields[5] != 0;
        put(core, fields[0], 0, hasAddend ? computed(plus(sum, core, fields[5] - 1)) : sum);
      }
      case LANES_MOVE -> {
        Value target = get(core, fields[0], 0);
        Value source = canonical(get(core, fields[2], 0));
        int[] lanes = {fields[1], fields[3], fields[4]};
        Operation move = new Operation(Opcode.LANES_MOVE, List.of(target, source), lanes);
        results.add(move);
        put(core, fields[0], 0, move);
      }
      case STORE, MAP, ZIP, BOUND, MULTIPLY_ADD, LSTM_CELL, LSTM_HIDDEN, FOLD, SELECT ->
          put(core, fields[0], 0, computed(operation(core, instruction)));
    }
  }

  private Value computed(Result result) {
    if (mode == VmMode.NO_COMPUTE) {
      return zero;
    }
    results.add(result);
    return result;
  }

  /** A value that leaves as it is: of a sum, every NaN is the canonical one from here on. */
  private Value canonical(Value value) {
    return value instanceof Sum sum ? canonicalSums.computeIfAbsent(sum, this::stored) : value;
  }

  private Value stored(Sum sum) {
    int[] parameters = {
      NumberFormat.FP32.ordinal(),
      Float.floatToRawIntBits(Float.NEGATIVE_INFINITY),
      Float.floatToRawIntBits(Float.POSITIVE_INFINITY)
    };
    return computed(new Operation(Opcode.STORE, List.of(sum), parameters));
  }

  private Operation plus(Value sum, int core, int addend) {
    return new Operation(
        Opcode.ZIP,
        List.of(sum, get(core, addend, 0)),
        BinaryFunction.ADD.ordinal(),
        NumberFormat.FP32.ordinal());
  }

  private Sum product(int core, int[] fields) {
    List<Sum.Slice> slices = new ArrayList<>();
    List<Sum.WeightBlock> weights = new ArrayList<>();
    for (int i = 0; i < fields[3]; i++) {
      int lanes = i == fields[3] - 1 ? fields[4] : blockSize;
      slices.add(new Sum.Slice(get(core, fields[2], i), lanes));
      weights.add(new Sum.WeightBlock(core, fields[1] + i));
    }
    return new Sum(get(core, fields[0], 0), slices, weights);
  }

  private Operation operation(int core, Instruction instruction) {
    List<Value> sources = new ArrayList<>();
    List<Integer> parameters = new ArrayList<>();
    List<Field> kinds = instruction.opcode().fields();
    for (int i = 0; i < kinds.size(); i++) {
      int value = instruction.field(i);
      if (kinds.get(i) == Field.SOURCE) {
        sources.add(get(core, value, 0));
      } else if (kinds.get(i) == Field.CLAMP) {
        parameters.addAll(bounds(core, value));
      } else if (kinds.get(i) != Field.TARGET) {
        parameters.add(value);
      }
    }
    return new Operation(
        instruction.opcode(), sources, parameters.stream().mapToInt(Integer::intValue).toArray());
  }

  /** The bits of a pair of clamp bounds; infinities for none. */
  private List<Integer> bounds(int core, int clamp) {
    CoreImage image = program.images().get(core);
    float minimum = clamp == 0 ? Float.NEGATIVE_INFINITY : image.clampMinimum()[clamp - 1];
    float maximum = clamp == 0 ? Float.POSITIVE_INFINITY : image.clampMaximum()[clamp - 1];
    return List.of(Float.floatToRawIntBits(minimum), Float.floatToRawIntBits(maximum));
  }

  private Value get(int core, int address, int offset) {
    if (Address.region(address) == Region.WINDOW) {
      Descriptor descriptor = model.code().get(core).descriptors().get(Address.index(address));
      if (descriptor.age() > 0) {
        StateBlock key = new StateBlock(core, descriptor.window(), descriptor.offset() + offset);
        Cell cell = cells.computeIfAbsent(key, this::cell);
        cell.readAt(descriptor.age());
        return new Past(cell, descriptor.age());
      }
    }
    return memories.get(core).getOrDefault(place(core, address, offset), zero);
  }

  private void put(int core, int address, int offset, Value value) {
    memories.get(core).put(place(core, address, offset), value);
  }

  private Place place(int core, int address, int offset) {
    int index = Address.index(address);
    if (Address.region(address) == Region.WINDOW) {
      Descriptor descriptor = model.code().get(core).descriptors().get(index);
      return new Place(Region.WINDOW, descriptor.window(), descriptor.offset() + offset);
    }
    return new Place(Address.region(address), 0, index + offset);
  }

  private Cell cell(StateBlock key) {
    CoreCode code = model.code().get(key.core());
    Window window = code.windows().get(key.window());
    NumberFormat format =
        window.tileBlocks() == 2 || Address.region(window.base()) == Region.CELL
            ? NumberFormat.FP32
            : NumberFormat.BF16;
    int tile = key.offset() / window.tileBlocks();
    boolean given = key.offset() % window.tileBlocks() == 0 && tile < window.initial().size();
    return new Cell(key, given ? constant(window.initial().get(tile), format) : zero);
  }

  private Dataflow finish() {
    cells.forEach(
        (key, cell) ->
            cell.setNext(
                memories
                    .get(key.core())
                    .getOrDefault(new Place(Region.WINDOW, key.window(), key.offset()), zero)));
    dropDeadResults();
    shareCells();
    return new Dataflow(List.copyOf(results), outputs, dropDeadResults());
  }

  /** Replaces cells that hold the same values, such as copies of a state on several cores. */
  private void shareCells() {
    Map<Integer, List<Cell>> byContent = new HashMap<>();
    Map<Cell, Cell> shared = new IdentityHashMap<>();
    for (StateBlock key : sortedKeys()) {
      Cell cell = cells.get(key);
      List<Cell> alike = byContent.computeIfAbsent(cell.contentHash(), k -> new ArrayList<>());
      Cell same = alike.stream().filter(other -> other.holdsSameAs(cell)).findFirst().orElse(cell);
      if (same == cell) {
        alike.add(cell);
      }
      same.readAt(cell.depth());
      shared.put(cell, same);
    }
    for (Result result : results) {
      result.replaceSources(value -> sharing(value, shared));
    }
    outputs.forEach(words -> words.replaceAll(value -> sharing(value, shared)));
    shared.values().forEach(cell -> cell.setNext(sharing(cell.next(), shared)));
  }

  private List<StateBlock> sortedKeys() {
    return cells.keySet().stream().sorted().toList();
  }

  private static Value sharing(Value value, Map<Cell, Cell> shared) {
    return value instanceof Past past ? new Past(shared.get(past.cell()), past.age()) : value;
  }

  /** Keeps what outputs need, and returns the state that they need. */
  private List<Cell> dropDeadResults() {
    Set<Value> live = Collections.newSetFromMap(new IdentityHashMap<>());
    Set<Cell> liveCells = new HashSet<>();
    List<Cell> orderedCells = new ArrayList<>();
    Deque<Value> open = new ArrayDeque<>();
    outputs.forEach(open::addAll);
    while (!open.isEmpty()) {
      Value value = open.remove();
      if (value instanceof Past past && liveCells.add(past.cell())) {
        orderedCells.add(past.cell());
        open.add(past.cell().next());
      } else if (value instanceof Result result && live.add(result)) {
        result.sources().forEach(open::add);
      }
    }
    results.removeIf(result -> !live.contains(result));
    return orderedCells;
  }
}
