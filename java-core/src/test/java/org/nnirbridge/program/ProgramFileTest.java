package org.nnirbridge.program;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.nnirbridge.Models;
import org.nnirbridge.diagnostic.MalformedProgram;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.transform.StreamingTransform;
import org.nnirbridge.vm.VirtualMachine;
import org.nnirbridge.vm.VmMode;

class ProgramFileTest {
  private static Program recurrent() {
    Models models = new Models(5);
    int x = models.input(6, 20);
    Graph graph = models.build(models.relu(models.linear(models.lstm(x, 40), 7)));
    return Models.compile(StreamingTransform.apply(graph, List.of(0)).graph());
  }

  @Test
  void readsBackWhatItWrote() {
    byte[] bytes = ProgramWriter.toBytes(recurrent());
    Program read = ProgramReader.fromBytes(bytes);
    assertArrayEquals(bytes, ProgramWriter.toBytes(read));
    assertEquals(recurrent().metrics(), read.metrics());
  }

  @Test
  void runsTheSameBitsAfterReading() {
    Program program = recurrent();
    VirtualMachine before = new VirtualMachine(program, VmMode.BIT_ACCURATE);
    VirtualMachine after =
        new VirtualMachine(
            ProgramReader.fromBytes(ProgramWriter.toBytes(program)), VmMode.BIT_ACCURATE);
    for (int t = 0; t < 4; t++) {
      FloatBuffer[] step = Models.randomInputs(program.models().get(0), t);
      assertArrayEquals(Models.run(before, 0, step).get(0), Models.run(after, 0, step).get(0));
    }
  }

  @Test
  void everyDamagedFileIsRefused() {
    byte[] bytes = ProgramWriter.toBytes(recurrent());
    Random random = new Random(7);
    for (int i = 0; i < 300; i++) {
      byte[] damaged =
          i % 2 == 0
              ? Arrays.copyOf(bytes, random.nextInt(bytes.length))
              : flipped(bytes, random.nextInt(bytes.length * 8));
      assertThrows(MalformedProgram.class, () -> ProgramReader.fromBytes(damaged));
    }
  }

  @Test
  void damageBehindAValidChecksumIsRefusedOrHarmless() {
    byte[] bytes = ProgramWriter.toBytes(recurrent());
    int content = bytes.length - ProgramFormat.DIGEST_BYTES;
    Random random = new Random(11);
    int headAndCode = 4096;
    for (int i = 0; i < 2000; i++) {
      byte[] damaged = flipped(bytes, random.nextInt(headAndCode * 8));
      byte[] digest = ProgramFormat.digest(damaged, content);
      System.arraycopy(digest, 0, damaged, content, digest.length);
      try {
        VirtualMachine vm =
            new VirtualMachine(ProgramReader.fromBytes(damaged), VmMode.BIT_ACCURATE);
        Models.run(vm, 0, Models.randomInputs(vm.program().models().get(0), i));
      } catch (MalformedProgram expected) {
        continue;
      }
    }
  }

  @Test
  void aForeignFileIsNamedAsSuch() {
    MalformedProgram error =
        assertThrows(
            MalformedProgram.class, () -> ProgramReader.fromBytes(new byte[] {80, 75, 3, 4}));
    assertEquals(
        "not a program file: it does not start with the program file's mark; give a file written by"
            + " Program.save",
        error.getMessage());
  }

  private static byte[] flipped(byte[] bytes, int bit) {
    byte[] flipped = bytes.clone();
    flipped[bit / 8] ^= (byte) (1 << bit % 8);
    return flipped;
  }
}
