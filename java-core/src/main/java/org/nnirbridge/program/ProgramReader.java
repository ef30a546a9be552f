package org.nnirbridge.program;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.diagnostic.MalformedProgram;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.isa.Descriptor;
import org.nnirbridge.isa.Instruction;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.isa.Window;
import org.nnirbridge.numerics.NumberFormat;

/** Reads a program file; bytes that are not a valid program give one exception and nothing else. */
public final class ProgramReader {
  private static final int MOST_AXES = 64;
  private static final Opcode[] OPCODES = Opcode.values();
  private static final NumberFormat[] FORMATS = NumberFormat.values();

  private ProgramReader() {}

  /**
   * The program in the bytes of a program file.
   *
   * @throws MalformedProgram saying what is wrong and where
   */
  public static Program fromBytes(byte[] bytes) {
    List<SectionReader> sections = sections(bytes);
    HardwareConfig config = config(sections.get(0));
    List<Model> signatures = models(sections.get(1));
    List<Model> models = new ArrayList<>();
    for (Model model : signatures) {
      List<CoreCode> code = new ArrayList<>();
      for (int core = 0; core < config.numCores(); core++) {
        code.add(code(sections.get(2)));
      }
      models.add(
          new Model(
              model.name(),
              model.inputs(),
              model.outputs(),
              code,
              model.resettable(),
              model.layers()));
    }
    List<CoreImage> images = new ArrayList<>();
    for (int core = 0; core < config.numCores(); core++) {
      images.add(image(sections.get(3), sections.get(4)));
    }
    sections.subList(1, sections.size()).forEach(SectionReader::end);
    Program program = new Program(config, images, models);
    ProgramVerifier.verify(program);
    return program;
  }

  private static List<SectionReader> sections(byte[] bytes) {
    int count = ProgramFormat.SECTIONS.size();
    int headerBytes = ProgramFormat.MAGIC.length + 8 + count * 20;
    byte[] start = Arrays.copyOf(bytes, ProgramFormat.MAGIC.length);
    if (!Arrays.equals(start, ProgramFormat.MAGIC)) {
      throw new MalformedProgram(
          "not a program file: it does not start with the program file's mark; give a file written by"
              + " Program.save");
    }
    if (bytes.length < headerBytes + ProgramFormat.DIGEST_BYTES) {
      throw new MalformedProgram(
          "the program file is cut short: it has only " + bytes.length + " bytes");
    }
    ByteBuffer header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    header.position(ProgramFormat.MAGIC.length);
    int version = header.getInt();
    if (version != ProgramFormat.VERSION) {
      throw new MalformedProgram(
          "the program file has format version %d, this release reads version %d; compile the model again"
              .formatted(version, ProgramFormat.VERSION));
    }
    int contentBytes = bytes.length - ProgramFormat.DIGEST_BYTES;
    byte[] stored = Arrays.copyOfRange(bytes, contentBytes, bytes.length);
    if (!MessageDigest.isEqual(stored, ProgramFormat.digest(bytes, contentBytes))) {
      throw new MalformedProgram(
          "the program file is damaged: its checksum does not match its content; copy or compile it"
              + " again");
    }
    if (header.getInt() != count) {
      throw new MalformedProgram("the program file does not have " + count + " sections");
    }
    return table(bytes, header, headerBytes, contentBytes);
  }

  private static List<SectionReader> table(
      byte[] bytes, ByteBuffer header, int headerBytes, int contentBytes) {
    List<SectionReader> sections = new ArrayList<>();
    long expected = headerBytes;
    for (String name : ProgramFormat.SECTIONS) {
      byte[] tag = new byte[4];
      header.get(tag);
      long offset = header.getLong();
      long length = header.getLong();
      boolean named = name.equals(new String(tag, StandardCharsets.US_ASCII));
      if (!named || offset != expected || length < 0 || length > contentBytes - offset) {
        throw new MalformedProgram("the table of sections is wrong at " + name);
      }
      sections.add(
          new SectionReader(name, ByteBuffer.wrap(bytes, (int) offset, (int) length).slice()));
      expected += length;
    }
    if (expected != contentBytes) {
      throw new MalformedProgram("the sections do not fill the program file");
    }
    return sections;
  }

  private static HardwareConfig config(SectionReader reader) {
    try {
      return HardwareConfig.fromJson(reader.rest());
    } catch (InvalidArgument e) {
      throw reader.malformed(e.getMessage());
    }
  }

  private static List<Model> models(SectionReader reader) {
    return reader.list(
        () ->
            new Model(
                reader.text(),
                reader.list(() -> port(reader)),
                reader.list(() -> port(reader)),
                List.of(),
                reader.integer("a flag", 0, 1) == 1,
                reader.list(reader::text)));
  }

  private static Port port(SectionReader reader) {
    String name = reader.text();
    List<Integer> shape = reader.list(() -> reader.integer("an extent", 0, 1 << 28));
    if (shape.size() > MOST_AXES) {
      throw reader.malformed("a shape of " + shape.size() + " axes");
    }
    long size = 1;
    for (int extent : shape) {
      size = Math.min(size * Math.max(extent, 1), Integer.MAX_VALUE);
    }
    if (size > 1 << 28) {
      throw reader.malformed("a tensor of shape " + shape);
    }
    NumberFormat format = FORMATS[reader.integer("a format", 0, FORMATS.length - 1)];
    int streamingDim = reader.integer("a streaming axis", 0, shape.size() + 1) - 1;
    int dataDim = reader.integer("a data dimension", 0, shape.size()) - 1;
    if (dataDim < 0 && !shape.isEmpty()) {
      throw reader.malformed("a tensor of shape " + shape + " without data dimension");
    }
    return new Port(
        name,
        shape,
        format,
        streamingDim < 0 ? OptionalInt.empty() : OptionalInt.of(streamingDim),
        dataDim);
  }

  private static CoreCode code(SectionReader reader) {
    List<Instruction> instructions =
        reader.list(
            () -> {
              Opcode opcode = OPCODES[reader.integer("an opcode", 0, OPCODES.length - 1)];
              int[] fields = new int[opcode.fields().size()];
              Arrays.setAll(fields, i -> reader.integer());
              return new Instruction(opcode, fields);
            });
    List<Descriptor> descriptors =
        reader.list(() -> new Descriptor(reader.integer(), reader.integer(), reader.integer()));
    List<Window> windows =
        reader.list(
            () ->
                new Window(
                    reader.integer(),
                    reader.integer(),
                    reader.integer(),
                    reader.integer(),
                    reader.list(reader::floats)));
    List<LayerRun> layers = reader.list(() -> new LayerRun(reader.integer(), reader.integer()));
    return new CoreCode(instructions, windows, descriptors, layers);
  }

  private static CoreImage image(SectionReader constants, SectionReader weights) {
    int tensorBlocks = constants.integer();
    int cellBlocks = constants.integer();
    int accumulators = constants.integer();
    float[] minimum = constants.floats();
    float[] maximum = constants.floats();
    List<FixedBlock> blocks =
        constants.list(
            () ->
                new FixedBlock(
                    constants.integer(),
                    FORMATS[constants.integer("a format", 0, FORMATS.length - 1)],
                    constants.floats()));
    return new CoreImage(
        weights.bytes(),
        weights.floats(),
        blocks,
        minimum,
        maximum,
        tensorBlocks,
        cellBlocks,
        accumulators);
  }
}
