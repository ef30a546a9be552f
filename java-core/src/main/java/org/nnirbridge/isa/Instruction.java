package org.nnirbridge.isa;

import java.util.Arrays;
import org.nnirbridge.diagnostic.CompilerBug;

/** An instruction: an opcode and a value for each of its fields. */
public record Instruction(Opcode opcode, int... fields) {
  public Instruction {
    if (fields.length != opcode.fields().size()) {
      throw new CompilerBug(opcode + " has " + opcode.fields().size() + " fields");
    }
  }

  public int field(int index) {
    return fields[index];
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Instruction instruction
        && opcode == instruction.opcode
        && Arrays.equals(fields, instruction.fields);
  }

  @Override
  public int hashCode() {
    return 31 * opcode.hashCode() + Arrays.hashCode(fields);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(opcode.name());
    for (int i = 0; i < fields.length; i++) {
      Field kind = opcode.fields().get(i);
      text.append(i == 0 ? " " : ", ");
      text.append(
          switch (kind) {
            case TARGET, SOURCE -> Address.print(fields[i]);
            case ADDEND -> fields[i] == 0 ? "none" : Address.print(fields[i] - 1);
            default -> Integer.toString(fields[i]);
          });
    }
    return text.toString();
  }
}
