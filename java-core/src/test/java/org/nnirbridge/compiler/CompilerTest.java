package org.nnirbridge.compiler;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nnirbridge.Models;
import org.nnirbridge.diagnostic.DoesNotFit;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.hardware.Presets;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.Binary;
import org.nnirbridge.nnir.op.Concat;
import org.nnirbridge.nnir.op.Linear;
import org.nnirbridge.nnir.op.Reshape;
import org.nnirbridge.nnir.op.Slice;
import org.nnirbridge.nnir.op.Transpose;
import org.nnirbridge.numerics.Bf16;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.Fp8E4M3;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.program.Program;
import org.nnirbridge.transform.StreamedGraph;
import org.nnirbridge.transform.StreamingTransform;
import org.nnirbridge.vm.VirtualMachine;
import org.nnirbridge.vm.VmMode;

class CompilerTest {
  private static final HardwareConfig BOARD = Presets.byName("bittware_ia420f_c6b32");

  private static VirtualMachine machine(Program program) {
    return new VirtualMachine(program, VmMode.BIT_ACCURATE);
  }

  @Test
  void aLinearLayerSumsInOrderAndRoundsOnce() {
    Models models = new Models(3);
    var weight = models.tensor(5, 70);
    var bias = models.tensor(5);
    int x = models.input(70);
    Graph graph = models.build(models.add("fc", new Linear(weight, bias, true, 0), x));
    Program program = Models.compile(graph);
    FloatBuffer[] inputs = Models.randomInputs(program.models().get(0), 1);
    float[] expected = new float[5];
    for (int j = 0; j < 5; j++) {
      float sum = bias.values()[j];
      for (int k = 0; k < 70; k++) {
        float w = Bf16.round(weight.values()[j * 70 + k]);
        sum = Math.fma(w, Bf16.round(inputs[0].get(k)), sum);
      }
      expected[j] = Bf16.round(sum);
    }
    assertArrayEquals(expected, Models.run(machine(program), 0, inputs).get(0));
  }

  @Test
  void everyPresetGivesTheSameBits() {
    List<float[]> first = null;
    for (String preset : Presets.names()) {
      if (preset.endsWith("lstm")) {
        continue;
      }
      Program program = Models.compile(Presets.byName(preset), Models.mlp());
      FloatBuffer[] inputs = Models.randomInputs(program.models().get(0), 1);
      List<float[]> outputs = Models.run(machine(program), 0, inputs);
      first = first == null ? outputs : first;
      assertArrayEquals(first.get(0), outputs.get(0), preset);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void streamsWhatTheWholeSequenceGives(int seed) {
    Models models = new Models(seed);
    int channels = 3 + seed * 5;
    int x = models.input(channels, 9);
    int conv = models.relu(models.paddedConv(x, channels, 1 + seed % 4, 1 + seed % 3, false));
    int residual = models.add("add", new Binary(BinaryFunction.ADD), conv, x);
    int depthwise = models.paddedConv(residual, channels, 3, 2, true);
    int turned = models.add("t", new Transpose(List.of(1, 0)), depthwise);
    int lstm = models.lstm(models.lstm(turned, 7 * seed), 33);
    int flat = models.add("split", new Reshape(List.of(9, 3, 11)), lstm);
    int part = models.add("part", new Slice(1, 1, 1, 2), flat);
    int joined = models.add("cat", new Concat(1), flat, part);
    Graph graph = models.build(models.linear(lstm, 4), joined);

    Program whole = Models.compile(graph);
    StreamedGraph streamed = StreamingTransform.apply(graph, List.of(1));
    assertEquals(List.of(0, 0), streamed.outputAxes());
    Program steps = Models.compile(streamed.graph());
    FloatBuffer[] inputs = Models.randomInputs(whole.models().get(0), seed);
    List<float[]> expected = Models.run(machine(whole), 0, inputs);

    VirtualMachine vm = machine(steps);
    for (int t = 0; t < 9; t++) {
      FloatBuffer step = FloatBuffer.allocate(channels);
      for (int c = 0; c < channels; c++) {
        step.put(c, inputs[0].get(c * 9 + t));
      }
      List<float[]> outputs = Models.run(vm, 0, step);
      for (int o = 0; o < 2; o++) {
        int size = outputs.get(o).length;
        float[] slice = Arrays.copyOfRange(expected.get(o), t * size, (t + 1) * size);
        assertArrayEquals(slice, outputs.get(o), "step " + t + " of output " + o);
      }
    }
  }

  @Test
  void aThreeLayerMlpOf1024FillsTheSmallestBoardExactly() {
    Models models = new Models(1);
    int x = models.input(1024);
    int a = models.relu(models.linear(x, 1024));
    int b = models.relu(models.linear(a, 1024));
    Program program = Models.compile(models.build(models.linear(b, 1024)));
    assertEquals(List.of(512, 512, 512, 512, 512, 512), program.metrics().weightStoreUsed());
  }

  @Test
  void tooManyWeightsNameTheStoreTheCoreTheNeedAndTheDepth() {
    Models models = new Models(1);
    int x = models.input(1024);
    int layer = x;
    for (int i = 0; i < 4; i++) {
      layer = models.linear(layer, 1024);
    }
    Graph graph = models.build(layer);
    DoesNotFit error = assertThrows(DoesNotFit.class, () -> Models.compile(graph));
    assertEquals(
        "weight store of core 0: needs 688 blocks, has 512 (all 6 cores: need 4096, have 3072);"
            + " use a larger config or fewer weights",
        error.getMessage());
  }

  @Test
  void fp8LayersSumWhatIsStored() {
    for (VmMode mode : List.of(VmMode.BIT_ACCURATE, VmMode.FLOAT32)) {
      Models models = new Models(3);
      Tensor weight = models.tensor(5, 70);
      Graph graph = models.build(fp8Linear(models, models.input(70), weight));
      Program program = Models.compile(Presets.byName("amd_v80_c6b32"), graph);
      FloatBuffer[] inputs = Models.randomInputs(program.models().get(0), 1);
      float[] expected = new float[5];
      for (int j = 0; j < 5; j++) {
        for (int k = 0; k < 70; k++) {
          float w = Fp8E4M3.decode(Fp8E4M3.encode(weight.values()[j * 70 + k]));
          float x = mode == VmMode.FLOAT32 ? inputs[0].get(k) : Bf16.round(inputs[0].get(k));
          expected[j] = Math.fma(w, x, expected[j]);
        }
        expected[j] = mode == VmMode.FLOAT32 ? expected[j] : Bf16.round(expected[j]);
      }
      assertArrayEquals(expected, Models.run(new VirtualMachine(program, mode), 0, inputs).get(0));
    }
  }

  private static int fp8Linear(Models models, int input, Tensor weight) {
    Tensor zeros = Tensor.zeros(weight.shape().subList(0, 1));
    NodeContext context = new NodeContext(NumberFormat.BF16, true, List.of());
    return models.builder().add("fc", new Linear(weight, zeros, true, 0), context, List.of(input));
  }

  @Test
  void modelsOfBothFormatsShareAStore() {
    HardwareConfig board = Presets.byName("amd_v80_c6b32");
    List<Graph> graphs = new ArrayList<>();
    for (int seed = 0; seed < 4; seed++) {
      Models models = new Models(seed);
      int x = models.input(100);
      Tensor weight = models.tensor(100, 100);
      int first = seed % 2 == 0 ? models.linear(x, 100) : fp8Linear(models, x, weight);
      int second = seed % 2 == 0 ? fp8Linear(models, first, weight) : models.linear(first, 100);
      graphs.add(models.build(second));
    }
    Program together = Models.compile(board, graphs.toArray(Graph[]::new));
    VirtualMachine vm = machine(together);
    for (int m = 0; m < graphs.size(); m++) {
      FloatBuffer[] inputs = Models.randomInputs(together.models().get(m), m);
      float[] alone = Models.run(machine(Models.compile(board, graphs.get(m))), 0, inputs).get(0);
      assertArrayEquals(alone, Models.run(vm, m, inputs).get(0));
    }
  }

  @Test
  void modelsThatShareALayerStoreItOnce() {
    Graph graph = Models.mlp();
    int alone = sum(Models.compile(BOARD, graph).metrics().weightStoreUsed());
    Program both = Models.compile(BOARD, graph, Models.mlp());
    assertEquals(alone, sum(both.metrics().weightStoreUsed()));
  }

  @Test
  void modelsOfOneProgramDoNotDisturbEachOther() {
    Models models = new Models(9);
    Graph recurrent = models.build(models.lstm(models.input(6, 20), 40));
    Graph streamed = StreamingTransform.apply(recurrent, List.of(0)).graph();
    Program together = Models.compile(BOARD, streamed, Models.mlp());
    Program alone = Models.compile(BOARD, streamed);
    VirtualMachine vm = machine(together);
    VirtualMachine reference = machine(alone);
    for (int t = 0; t < 5; t++) {
      FloatBuffer[] step = Models.randomInputs(alone.models().get(0), t);
      Models.run(vm, 1, Models.randomInputs(together.models().get(1), t));
      assertArrayEquals(Models.run(reference, 0, step).get(0), Models.run(vm, 0, step).get(0));
    }
  }

  @Test
  void aModelWithoutLstmIsRefusedWhereOnlyLstmsRun() {
    UnsupportedModel error =
        assertThrows(
            UnsupportedModel.class,
            () -> Models.compile(Presets.byName("silicom_artena_c8b32lstm"), Models.mlp()));
    assertEquals(
        "model model0 has no LSTM, and silicom_artena_c8b32lstm runs LSTM models only; use another"
            + " config",
        error.getMessage());
  }

  @Test
  void coresOfAPartitionDoAllTheWork() {
    Program program =
        Compiler.compile(
            BOARD,
            List.of(
                new Compiler.Model(
                    Models.mlp(), "m", CompileOptions.fromJson("{\"core_indices\": [1, 4]}"))));
    List<Integer> used = program.metrics().weightStoreUsed();
    assertTrue(used.get(1) > 0 && used.get(4) > 0);
    assertEquals(0, used.get(0) + used.get(2) + used.get(3) + used.get(5));
  }

  private static int sum(List<Integer> values) {
    return new ArrayList<>(values).stream().mapToInt(Integer::intValue).sum();
  }
}
