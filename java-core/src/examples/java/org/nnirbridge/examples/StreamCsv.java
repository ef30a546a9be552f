package org.nnirbridge.examples;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.nnirbridge.api.Program;
import org.nnirbridge.api.Vm;

/**
 * Streams a CSV file through a saved program: each line is one time step of the input, each line
 * written one of the output. With a third argument it goes on from the state in that file, if it is
 * there, and leaves its own state in it.
 *
 * <pre>java -cp ... org.nnirbridge.examples.StreamCsv model.vollo readings.csv [state]</pre>
 */
public final class StreamCsv {
  private StreamCsv() {}

  /**
   * Runs the example.
   *
   * @param arguments the program file, the CSV file, and where to keep the state
   * @throws IOException when a file cannot be read or written
   */
  public static void main(String[] arguments) throws IOException {
    Program program = Program.load(Path.of(arguments[0]));
    Vm vm = program.newVm();
    Path state = arguments.length > 2 ? Path.of(arguments[2]) : null;
    if (state != null && Files.exists(state)) {
      vm.restore(Files.readAllBytes(state));
    }
    System.err.printf(
        "%s: %.2f us per step on the board%n",
        program.models().get(0).name(), program.microsPerInference(0, true));
    try (BufferedReader lines = Files.newBufferedReader(Path.of(arguments[1]));
        PrintWriter results = new PrintWriter(System.out, false, StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        results.println(text(vm.run(values(line))));
      }
    }
    if (state != null) {
      Files.write(state, vm.snapshot());
    }
  }

  private static float[] values(String line) {
    String[] fields = line.split(",");
    float[] values = new float[fields.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = Float.parseFloat(fields[i].strip());
    }
    return values;
  }

  private static String text(float[] values) {
    return IntStream.range(0, values.length)
        .mapToObj(i -> Float.toString(values[i]))
        .collect(Collectors.joining(","));
  }
}
