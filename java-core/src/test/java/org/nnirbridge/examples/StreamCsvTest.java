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
    String classes =
        Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(entry -> entry.contains("classes") || entry.contains("jackson"))
            .filter(entry -> !entry.contains("datatype"))
            .collect(Collectors.joining(File.pathSeparator));
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-cp", classes, StreamCsv.class.getName()));
    Arrays.stream(arguments).forEach(argument -> command.add(argument.toString()));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor());
    return output;
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
