package org.nnirbridge.examples;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.nnirbridge.api.Program;
import org.nnirbridge.api.Vm;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.diagnostic.MalformedFile;
import org.nnirbridge.diagnostic.MalformedProgram;

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
   * Runs the example. What is wrong with a file goes to standard error, with exit code 1.
   *
   * @param arguments the program file, the CSV file, and where to keep the state
   */
  public static void main(String[] arguments) {
    if (arguments.length < 2 || arguments.length > 3) {
      System.err.println("usage: StreamCsv PROGRAM.vollo READINGS.csv [STATE]");
      System.exit(2);
    }
    try {
      stream(arguments);
    } catch (NoSuchFileException e) {
      fail(e.getMessage() + ": no such file");
    } catch (IOException | InvalidArgument | MalformedFile | MalformedProgram e) {
      fail(e.getMessage());
    }
  }

  private static void fail(String why) {
    System.err.println("StreamCsv: " + why);
    System.exit(1);
  }

  private static void stream(String[] arguments) throws IOException {
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
      int number = 0;
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        number++;
        results.println(text(vm.run(values(line, arguments[1] + ", line " + number))));
      }
    }
    if (state != null) {
      Files.write(state, vm.snapshot());
    }
  }

  private static float[] values(String line, String place) {
    String[] fields = line.split(",");
    float[] values = new float[fields.length];
    for (int i = 0; i < values.length; i++) {
      try {
        values[i] = Float.parseFloat(fields[i].strip());
      } catch (NumberFormatException e) {
        throw new InvalidArgument("%s: %s is not a number".formatted(place, fields[i].strip()));
      }
    }
    return values;
  }

  private static String text(float[] values) {
    return IntStream.range(0, values.length)
        .mapToObj(i -> Float.toString(values[i]))
        .collect(Collectors.joining(","));
  }
}
