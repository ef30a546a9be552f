package org.nnirbridge.latency;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.nnirbridge.hardware.Timing;
import org.nnirbridge.isa.Address;
import org.nnirbridge.isa.Descriptor;
import org.nnirbridge.isa.Field;
import org.nnirbridge.isa.Instruction;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.isa.Region;
import org.nnirbridge.isa.Window;
import org.nnirbridge.program.CoreCode;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Program;

/**
 * The rules of machine.md as inequalities between the times of single blocks, and their least
 * solution, found by going over all of them until no time changes. It looks up who wrote, read or
 * sent what by searching the instruction lists, and keeps no clocks.
 */
final class ReferenceTiming {
  private static final long IDLE = 1L << 40;

  private final Program program;
  private final Model model;
  private final Timing timing;

  /** By core: when its stream begins. */
  private final long[] starts;

  private final long inputStart;

  /** By core, instruction and block: the cycle in which the block is worked on. */
  private final List<List<long[]>> times = new ArrayList<>();

  private final List<long[]> dispatched = new ArrayList<>();

  private final int linkCapacity;

  private ReferenceTiming(Program program, int linkCapacity, long inputStart, long[] starts) {
    this.program = program;
    this.linkCapacity = linkCapacity;
    this.model = program.models().get(0);
    this.timing = program.config().timing();
    this.starts = starts;
    this.inputStart = inputStart;
    for (int c = 0; c < model.code().size(); c++) {
      CoreCode core = model.code().get(c);
      long start = starts[c];
      List<long[]> ofCore = new ArrayList<>();
      for (Instruction instruction : core.instructions()) {
        long[] blocks = new long[blocks(instruction)];
        Arrays.fill(blocks, start);
        ofCore.add(blocks);
      }
      times.add(ofCore);
      long[] at = new long[core.instructions().size()];
      Arrays.fill(at, start);
      dispatched.add(at);
    }
  }

  static long cycles(Program program, int linkCapacity, boolean spaced) {
    long[] starts = new long[program.images().size()];
    Arrays.fill(starts, -IDLE);
    ReferenceTiming first = solved(program, linkCapacity, 0, starts);
    if (spaced) {
      return first.end();
    }
    Arrays.setAll(starts, core -> first.done(core) - first.end());
    return solved(program, linkCapacity, 1, starts).end();
  }

  private static ReferenceTiming solved(
      Program program, int linkCapacity, long inputStart, long[] starts) {
    ReferenceTiming reference =
        new ReferenceTiming(program, linkCapacity, inputStart, starts.clone());
    while (reference.relaxAll()) {}
    return reference;
  }

  /** When a core has done all its instructions and has all their results. */
  private long done(int core) {
    long done = starts[core];
    for (int i = 0; i < times.get(core).size(); i++) {
      done = Math.max(done, freeAt(core, i));
      if (instruction(core, i).opcode().fields().get(0) == Field.TARGET) {
        int last =
            instruction(core, i).opcode() == Opcode.MATVEC ? 0 : blocks(instruction(core, i)) - 1;
        done = Math.max(done, writtenAt(core, i, last, false));
      }
    }
    return done;
  }

  private boolean relaxAll() {
    boolean changed = false;
    for (int core = 0; core < times.size(); core++) {
      for (int i = 0; i < times.get(core).size(); i++) {
        changed |= relax(core, i);
      }
    }
    return changed;
  }

  private boolean relax(int core, int i) {
    long start = starts[core];
    long[] before = times.get(core).get(i).clone();
    long queued = i == 0 ? start : dispatched.get(core)[i - 1] + 1;
    int full = earlierOnUnit(core, i, timing.queueDepth());
    dispatched.get(core)[i] = Math.max(queued, full < 0 ? start : freeAt(core, full));
    int previous = earlierOnUnit(core, i, 1);
    long begin = Math.max(dispatched.get(core)[i], previous < 0 ? start : freeAt(core, previous));
    long[] blocks = times.get(core).get(i);
    for (int b = 0; b < blocks.length; b++) {
      long follows = b == 0 ? begin : blocks[b - 1] + step(instruction(core, i));
      blocks[b] = Math.max(follows, earliest(core, i, b));
    }
    if (instruction(core, i).opcode() == Opcode.MATVEC) {
      // A product runs through without a pause, so it starts late enough for its last block.
      long last = blocks[blocks.length - 1];
      Arrays.setAll(blocks, b -> last - (blocks.length - 1 - b));
    }
    return !Arrays.equals(before, blocks);
  }

  private Instruction instruction(int core, int i) {
    return model.code().get(core).instructions().get(i);
  }

  private static int blocks(Instruction instruction) {
    int count = instruction.opcode().fields().indexOf(Field.COUNT);
    return count < 0 ? 1 : instruction.field(count);
  }

  private static boolean isWide(Instruction instruction) {
    return instruction.opcode() == Opcode.SEND && instruction.field(3) == 1;
  }

  /** Cycles from one block of an instruction to the next. */
  private static int step(Instruction instruction) {
    return isWide(instruction) ? 2 : 1;
  }

  /** The n-th instruction before one on the same unit; -1 where there are fewer. */
  private int earlierOnUnit(int core, int i, int n) {
    Unit unit = Unit.of(instruction(core, i).opcode());
    int left = n;
    for (int j = i - 1; j >= 0; j--) {
      if (Unit.of(instruction(core, j).opcode()) == unit && --left == 0) {
        return j;
      }
    }
    return -1;
  }

  private long freeAt(int core, int i) {
    Instruction instruction = instruction(core, i);
    long[] blocks = times.get(core).get(i);
    return switch (instruction.opcode()) {
      case MATVEC -> blocks[0] + Math.max(blocks.length, timing.matrixInterval());
      case FOLD -> blocks[0] + timing.foldInterval();
      default -> blocks[blocks.length - 1] + step(instruction);
    };
  }

  /** What a block waits for beside its unit: values, readers of its target, words, links. */
  private long earliest(int core, int i, int b) {
    long start = starts[core];
    Instruction instruction = instruction(core, i);
    Opcode opcode = instruction.opcode();
    long at = start;
    for (int f = 0; f < opcode.fields().size(); f++) {
      if (opcode.fields().get(f) == Field.SOURCE) {
        boolean goesOn = opcode == Opcode.FOLD && f == 1;
        at = Math.max(at, valueAt(core, i, block(core, instruction.field(f)) + b, goesOn));
      }
    }
    if (opcode == Opcode.MATVEC && b == 0) {
      if (instruction.field(5) > 0) {
        long there = valueAt(core, i, block(core, instruction.field(5) - 1), false);
        at = Math.max(at, there - addedAfter(instruction));
      }
      return Math.max(at, valueAt(core, i, block(core, instruction.field(0)), true));
    }
    if (opcode == Opcode.MATVEC) {
      return at;
    }
    if (opcode == Opcode.READ) {
      at = Math.max(at, inputStart + timing.inputLatency() + word(instruction) + b);
    }
    if (opcode == Opcode.RECEIVE) {
      at = Math.max(at, arrival(core, i, b));
    }
    if (opcode == Opcode.SEND && b == 0) {
      at = Math.max(at, roomOnLinks(core, i));
    }
    if (opcode.fields().get(0) == Field.TARGET) {
      at = Math.max(at, readersDone(core, i, b) - writtenAfter(opcode));
    }
    return at;
  }

  /** Cycles from the start of a product to when something is added to its sum. */
  private int addedAfter(Instruction product) {
    return blocks(product) + timing.matrixLatency() - 1;
  }

  /** Cycles from an instruction's start to when it writes. */
  private int writtenAfter(Opcode opcode) {
    return switch (opcode) {
      case READ, RECEIVE, CLEAR -> 0;
      case FOLD -> timing.foldInterval();
      default -> latency(opcode) - 1;
    };
  }

  private int latency(Opcode opcode) {
    return switch (opcode) {
      case READ, CLEAR -> 1;
      case RECEIVE -> 0;
      case LOAD -> 2;
      case STORE -> timing.storeLatency();
      case LSTM_CELL, LSTM_HIDDEN -> timing.lstmLatency();
      case FOLD -> timing.foldInterval() + timing.storeLatency();
      default -> timing.vectorLatency();
    };
  }

  private int word(Instruction instruction) {
    int before = 0;
    for (int input = 0; input < instruction.field(1); input++) {
      before += model.inputs().get(input).words(program.config().blockSize());
    }
    return before + instruction.field(2);
  }

  /** When the value that an instruction finds in a block is there, or may be added to. */
  private long valueAt(int core, int i, int block, boolean goesOn) {
    long start = starts[core];
    for (int j = i - 1; j >= 0; j--) {
      Instruction writer = instruction(core, j);
      if (writer.opcode().fields().get(0) != Field.TARGET) {
        continue;
      }
      int written = writer.opcode() == Opcode.MATVEC ? 1 : blocks(writer);
      int offset = block - block(core, writer.field(0));
      if (offset >= 0 && offset < written) {
        return writtenAt(core, j, offset, goesOn);
      }
    }
    return start;
  }

  private long writtenAt(int core, int j, int offset, boolean goesOn) {
    Opcode opcode = instruction(core, j).opcode();
    long[] at = times.get(core).get(j);
    return switch (opcode) {
      case MATVEC -> at[0] + at.length + (goesOn ? 0 : timing.matrixLatency());
      case FOLD -> at[0] + (goesOn ? timing.foldInterval() : latency(opcode));
      default -> at[offset] + latency(opcode);
    };
  }

  private long readersDone(int core, int i, int b) {
    long start = starts[core];
    int block = block(core, instruction(core, i).field(0)) + b;
    long last = start;
    for (int j = 0; j < i; j++) {
      Instruction reader = instruction(core, j);
      for (int f = 0; f < reader.opcode().fields().size(); f++) {
        if (reader.opcode().fields().get(f) == Field.SOURCE) {
          int offset = block - block(core, reader.field(f));
          if (offset >= 0 && offset < blocks(reader)) {
            last = Math.max(last, times.get(core).get(j)[offset]);
          }
        }
        if (reader.opcode().fields().get(f) == Field.ADDEND
            && reader.field(f) > 0
            && block == block(core, reader.field(f) - 1)) {
          last = Math.max(last, times.get(core).get(j)[0] + addedAfter(reader));
        }
      }
    }
    return last;
  }

  private static int movedBetween(Instruction move, int core, int other) {
    boolean sends = move.opcode() == Opcode.SEND && (move.field(2) >> other & 1) != 0;
    boolean receives = move.opcode() == Opcode.RECEIVE && move.field(1) == other;
    return sends ? move.field(1) : receives ? move.field(2) : 0;
  }

  /** How many blocks the instructions before one move between its core and another, one way. */
  private int movedBefore(int core, int i, int other, Opcode way) {
    int moved = 0;
    for (int j = 0; j < i; j++) {
      if (instruction(core, j).opcode() == way) {
        moved += movedBetween(instruction(core, j), core, other);
      }
    }
    return moved;
  }

  /** When the block of a number is worked on that instructions of a core move one way. */
  private long moves(int core, int other, Opcode way, int number) {
    int left = number;
    for (int j = 0; j < times.get(core).size(); j++) {
      Instruction move = instruction(core, j);
      int moved = move.opcode() == way ? movedBetween(move, core, other) : 0;
      if (left < moved) {
        return times.get(core).get(j)[left] + (way == Opcode.SEND ? step(move) : 0);
      }
      left -= moved;
    }
    throw new AssertionError("nothing was moved");
  }

  /** When the block that a receive takes arrives: the one sent as the same of all on the link. */
  private long arrival(int core, int i, int b) {
    int from = instruction(core, i).field(1);
    int number = movedBefore(core, i, from, Opcode.RECEIVE) + b;
    return moves(from, core, Opcode.SEND, number) + timing.linkLatency();
  }

  /** When links have room for all blocks of a move, or are empty where they are shorter. */
  private long roomOnLinks(int core, int i) {
    long start = starts[core];
    long at = start;
    for (int to = 0; to < times.size(); to++) {
      int count = movedBetween(instruction(core, i), core, to);
      if (count > 0) {
        int sent = movedBefore(core, i, to, Opcode.SEND);
        int leaves = Math.min(sent + count - 1 - linkCapacity, sent - 1);
        at = Math.max(at, leaves < 0 ? start : moves(to, core, Opcode.RECEIVE, leaves));
      }
    }
    return at;
  }

  private int block(int core, int address) {
    int index = Address.index(address);
    Region region = Address.region(address);
    if (region != Region.WINDOW) {
      return region.ordinal() * (1 << 26) + index;
    }
    Descriptor descriptor = model.code().get(core).descriptors().get(index);
    Window window = model.code().get(core).windows().get(descriptor.window());
    int entry = (window.entries() - descriptor.age()) % window.entries();
    return block(core, window.base()) + entry * window.entryBlocks() + descriptor.offset();
  }

  /** Words leave the board one a cycle, those of a core after those of the cores before it. */
  private long end() {
    List<Long> words = new ArrayList<>();
    for (int core = 0; core < times.size(); core++) {
      for (int i = 0; i < times.get(core).size(); i++) {
        if (instruction(core, i).opcode() == Opcode.WRITE) {
          Arrays.stream(times.get(core).get(i)).forEach(at -> words.add(at + 1));
        }
      }
    }
    long last = 0;
    for (int k = 0; k < words.size(); k++) {
      last = Math.max(k == 0 ? 0 : last + 1, words.get(k));
    }
    return words.isEmpty() ? 0 : last + timing.outputLatency();
  }
}
