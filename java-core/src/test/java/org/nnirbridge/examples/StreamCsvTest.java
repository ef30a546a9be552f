package org.nnirbridge.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.File;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nnirbridge.Models;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.program.Program;
import org.nnirbridge.program.ProgramWriter;
import org.nnirbridge.transform.StreamingTransform;
import org.nnirbridge.vm.VirtualMachine;
import org.nnirbridge.vm.VmMode;

/** The example in a JVM of its own that has the project's classes and Jackson and nothing else. */
class StreamCsvTest {
  private static Program program() {
    Models models = new Models(3);
    Graph graph = models.build(models.paddedConv(models.input(2, 9), 3, 4, 1, false));
    return Models.compile(StreamingTransform.apply(graph, List.of(1)).graph());
  }

  private static String run(Path... arguments) throws Exception {
    Process process = start(ProcessBuilder.Redirect.INHERIT, arguments);
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor());
    return output;
  }

  /** What a run that fails says. */
  private static String failure(int exitCode, Path... arguments) throws Exception {
    Process process = start(ProcessBuilder.Redirect.PIPE, arguments);
    String errors = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(exitCode, process.waitFor());
    return errors.lines().filter(line -> !line.contains(" us per step ")).findFirst().orElseThrow();
  }

  private static Process start(ProcessBuilder.Redirect errors, Path... arguments) throws Exception {
    String classes =
        Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(entry -> entry.contains("classes") || entry.contains("jackson"))
            .filter(entry -> !entry.contains("datatype"))
            .collect(Collectors.joining(File.pathSeparator));
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-cp", classes, StreamCsv.class.getName()));
    Arrays.stream(arguments).forEach(argument -> command.add(argument.toString()));
    return new ProcessBuilder(command).redirectError(errors).start();
  }

  @Test
  void whatIsWrongWithAFileIsSaidInALine(@TempDir Path directory) throws Exception {
    Path file = directory.resolve("model.vollo");
    Files.write(file, ProgramWriter.toBytes(program()));
    Path csv = Files.write(directory.resolve("a.csv"), List.of("1,2", "1,two"));
    Path absent = directory.resolve("absent");
    assertEquals("usage: StreamCsv PROGRAM.vollo READINGS.csv [STATE]", failure(2, file));
    assertEquals("StreamCsv: " + absent + ": no such file", failure(1, absent, csv));
    assertEquals("StreamCsv: " + csv + ", line 2: two is not a number", failure(1, file, csv));
    assertEquals(
        "StreamCsv: "
            + csv
            + ": not a program file: it does not start with the program file's mark; "
            + "give a file written by Program.save",
        failure(1, csv, csv));
    Path few = Files.write(directory.resolve("few.csv"), List.of("1"));
    assertEquals(
        "StreamCsv: model model0, input 0: 2 values are needed for shape [2] and 1 streams, got 1",
        failure(1, file, few));
  }

  @Test
  void eachLineOfTheFileIsAStepAndTheStateCanBeKept(@TempDir Path directory) throws Exception {
    Program program = program();
    Path file = directory.resolve("model.vollo");
    Files.write(file, ProgramWriter.toBytes(program));
    List<String> lines = List.of("1,2", "0.5, -1", "3,0.25", "0,0", "1e-3,7", "-2,2");
    VirtualMachine machine = new VirtualMachine(program, VmMode.BIT_ACCURATE);
    StringBuilder expected = new StringBuilder();
    for (String line : lines) {
      String[] fields = line.split(",");
      float[] x = {Float.parseFloat(fields[0]), Float.parseFloat(fields[1])};
      float[] y = new float[3];
      FloatBuffer[] input = {FloatBuffer.wrap(x)};
      FloatBuffer[] output = {FloatBuffer.wrap(y)};
      machine.run(0, input, output, true);
      expected.append(y[0]).append(',').append(y[1]).append(',').append(y[2]).append('\n');
    }
    Path csv = directory.resolve("readings.csv");
    Files.write(csv, lines);
    assertEquals(expected.toString(), run(file, csv).replace("\r", ""));

    Path state = directory.resolve("state");
    Path first = Files.write(directory.resolve("first.csv"), lines.subList(0, 2));
    Path rest = Files.write(directory.resolve("rest.csv"), lines.subList(2, lines.size()));
    String joined = run(file, first, state) + run(file, rest, state);
    assertEquals(expected.toString(), joined.replace("\r", ""));
  }
}
