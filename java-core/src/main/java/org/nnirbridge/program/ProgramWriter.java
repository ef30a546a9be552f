package org.nnirbridge.program;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.OptionalInt;
import org.nnirbridge.isa.Descriptor;
import org.nnirbridge.isa.Instruction;
import org.nnirbridge.isa.Window;

/** Writes a program as the bytes of a program file (program-format.md). */
public final class ProgramWriter {
  private ProgramWriter() {}

  public static byte[] toBytes(Program program) {
    List<byte[]> sections =
        List.of(
            program.config().toJson().getBytes(StandardCharsets.UTF_8),
            models(program),
            code(program),
            constants(program),
            weights(program));
    int headerBytes = ProgramFormat.MAGIC.length + 8 + sections.size() * 20;
    ByteBuffer header = ByteBuffer.allocate(headerBytes).order(ByteOrder.LITTLE_ENDIAN);
    header.put(ProgramFormat.MAGIC).putInt(ProgramFormat.VERSION).putInt(sections.size());
    long offset = headerBytes;
    for (int i = 0; i < sections.size(); i++) {
      header.put(ProgramFormat.SECTIONS.get(i).getBytes(StandardCharsets.US_ASCII));
      header.putLong(offset).putLong(sections.get(i).length);
      offset += sections.get(i).length;
    }
    ByteArrayOutputStream file = new ByteArrayOutputStream(Math.toIntExact(offset));
    file.writeBytes(header.array());
    sections.forEach(file::writeBytes);
    byte[] content = file.toByteArray();
    file.writeBytes(ProgramFormat.digest(content, content.length));
    return file.toByteArray();
  }

  private static byte[] models(Program program) {
    SectionWriter writer = new SectionWriter().integer(program.models().size());
    for (Model model : program.models()) {
      writer.text(model.name());
      for (List<Port> ports : List.of(model.inputs(), model.outputs())) {
        writer.integer(ports.size());
        ports.forEach(port -> write(writer, port));
      }
      writer.integer(model.resettable() ? 1 : 0);
      writer.integer(model.layers().size());
      model.layers().forEach(writer::text);
    }
    return writer.toBytes();
  }

  private static void write(SectionWriter writer, Port port) {
    writer.text(port.name()).integer(port.shape().size());
    port.shape().forEach(writer::integer);
    OptionalInt streamingDim = port.streamingDim();
    writer
        .integer(port.format().ordinal())
        .integer(streamingDim.isPresent() ? streamingDim.getAsInt() + 1 : 0)
        .integer(port.dataDim() + 1);
  }

  private static byte[] code(Program program) {
    SectionWriter writer = new SectionWriter();
    for (Model model : program.models()) {
      for (CoreCode core : model.code()) {
        writer.integer(core.instructions().size());
        for (Instruction instruction : core.instructions()) {
          writer.integer(instruction.opcode().ordinal());
          for (int field : instruction.fields()) {
            writer.integer(field);
          }
        }
        writer.integer(core.descriptors().size());
        for (Descriptor descriptor : core.descriptors()) {
          writer
              .integer(descriptor.window())
              .integer(descriptor.age())
              .integer(descriptor.offset());
        }
        writer.integer(core.windows().size());
        for (Window window : core.windows()) {
          writer
              .integer(window.base())
              .integer(window.entries())
              .integer(window.entryBlocks())
              .integer(window.tileBlocks())
              .integer(window.initial().size());
          window.initial().forEach(writer::floats);
        }
        writer.integer(core.layers().size());
        core.layers().forEach(run -> writer.integer(run.layer()).integer(run.instructions()));
      }
    }
    return writer.toBytes();
  }

  private static byte[] constants(Program program) {
    SectionWriter writer = new SectionWriter();
    for (CoreImage image : program.images()) {
      writer
          .integer(image.tensorBlocks())
          .integer(image.cellBlocks())
          .integer(image.accumulators())
          .floats(image.clampMinimum())
          .floats(image.clampMaximum())
          .integer(image.constants().size());
      for (FixedBlock block : image.constants()) {
        writer.integer(block.address()).integer(block.format().ordinal()).floats(block.values());
      }
    }
    return writer.toBytes();
  }

  private static byte[] weights(Program program) {
    SectionWriter writer = new SectionWriter();
    program.images().forEach(image -> writer.bytes(image.fp8Weights()).floats(image.weights()));
    return writer.toBytes();
  }
}
