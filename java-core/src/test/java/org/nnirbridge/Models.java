package org.nnirbridge;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import org.nnirbridge.compiler.CompileOptions;
import org.nnirbridge.compiler.Compiler;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.hardware.Presets;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.GraphBuilder;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.nnir.op.Clamp;
import org.nnirbridge.nnir.op.Conv1d;
import org.nnirbridge.nnir.op.ConvolutionWeights;
import org.nnirbridge.nnir.op.Input;
import org.nnirbridge.nnir.op.Linear;
import org.nnirbridge.nnir.op.Lstm;
import org.nnirbridge.nnir.op.LstmPart;
import org.nnirbridge.nnir.op.LstmWeights;
import org.nnirbridge.nnir.op.Op;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Port;
import org.nnirbridge.program.Program;
import org.nnirbridge.vm.VirtualMachine;
import org.nnirbridge.vm.VmMode;

/** Small models for tests, from a seed. */
public final class Models {
  private final Random random;
  private final GraphBuilder builder = new GraphBuilder();
  private int inputs;
  private NodeContext context = NodeContext.DEFAULT;

  public Models(long seed) {
    random = new Random(seed);
  }

  /** What comes next has its weights in FP8. */
  public Models withFp8Weights() {
    context = new NodeContext(NumberFormat.BF16, true, List.of());
    return this;
  }

  public Tensor tensor(Integer... shape) {
    float[] values = new float[Shapes.size(List.of(shape))];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian() * 0.3f;
    }
    return new Tensor(List.of(shape), values);
  }

  public int input(Integer... shape) {
    TensorType type = new TensorType(List.of(shape), NumberFormat.BF16);
    return add("x" + inputs, new Input(inputs++, type, OptionalInt.empty()));
  }

  public int add(String name, Op op, Integer... inputs) {
    return builder.add(name, op, context, List.of(inputs));
  }

  public int linear(int input, int out) {
    List<Integer> shape = builder.type(input).shape();
    int axis = shape.size() - 1;
    return add("fc", new Linear(tensor(out, shape.get(axis)), tensor(out), true, axis), input);
  }

  public int relu(int input) {
    return add("relu", new Clamp(0f, Float.POSITIVE_INFINITY), input);
  }

  /** A causal convolution on (channels, sequence). */
  public int paddedConv(int input, int out, int kernel, int dilation, boolean depthwise) {
    int in = builder.type(input).shape().get(0);
    Tensor weight = depthwise ? tensor(in, 1, kernel) : tensor(out, in, kernel);
    ConvolutionWeights weights =
        new ConvolutionWeights(weight, tensor(weight.shape().get(0)), true, depthwise ? in : 1);
    return add("conv", new Conv1d(weights, 1, dilation, (kernel - 1) * dilation, 0), input);
  }

  /** An LSTM on (sequence, features). */
  public int lstm(int input, int hidden) {
    int features = builder.type(input).shape().get(1);
    LstmWeights weights =
        new LstmWeights(
            tensor(4 * hidden, features), tensor(4 * hidden, hidden), tensor(4 * hidden));
    Tensor start = tensor(hidden);
    return add("lstm", new Lstm(weights, start, start, 0, false, LstmPart.OUTPUT, false), input);
  }

  public GraphBuilder builder() {
    return builder;
  }

  public Graph build(int... outputs) {
    List<Graph.Output> ends = new ArrayList<>();
    for (int output : outputs) {
      ends.add(new Graph.Output(output, NumberFormat.BF16, OptionalInt.empty()));
    }
    return builder.build(ends);
  }

  /** The example of two layers and a residual. */
  public static Graph mlp() {
    Models models = new Models(1);
    int x = models.input(70);
    int first = models.relu(models.linear(x, 40));
    return models.build(models.linear(models.relu(models.linear(first, 40)), 10));
  }

  public static Program compile(HardwareConfig config, Graph... graphs) {
    List<Compiler.Model> models = new ArrayList<>();
    for (int i = 0; i < graphs.length; i++) {
      models.add(new Compiler.Model(graphs[i], "model" + i, CompileOptions.DEFAULT));
    }
    return Compiler.compile(config, models);
  }

  public static Program compile(Graph graph) {
    return compile(Presets.byName("bittware_ia420f_c6b32"), graph);
  }

  /** Random values for each input of a model, the same for the same seed. */
  public static FloatBuffer[] randomInputs(Model model, long seed) {
    Random random = new Random(seed);
    return model.inputs().stream()
        .map(
            port -> {
              FloatBuffer buffer = FloatBuffer.allocate(port.size());
              for (int i = 0; i < buffer.capacity(); i++) {
                buffer.put(i, (float) random.nextGaussian());
              }
              return buffer;
            })
        .toArray(FloatBuffer[]::new);
  }

  /** Runs one inference and gives the outputs. */
  public static List<float[]> run(VirtualMachine vm, int model, FloatBuffer... inputs) {
    List<Port> ports = vm.program().models().get(model).outputs();
    FloatBuffer[] outputs =
        ports.stream().map(port -> FloatBuffer.allocate(port.size())).toArray(FloatBuffer[]::new);
    vm.run(model, inputs, outputs, true);
    List<float[]> values = new ArrayList<>();
    for (FloatBuffer output : outputs) {
      values.add(output.array());
    }
    return values;
  }

  /** The bits of all outputs of some inferences of a program's first model, bit-accurate. */
  public static int[] bits(Program program, long seed, int inferences) {
    VirtualMachine vm = new VirtualMachine(program, VmMode.BIT_ACCURATE);
    return IntStream.range(0, inferences)
        .mapToObj(i -> run(vm, 0, randomInputs(program.models().get(0), seed + i)))
        .flatMap(List::stream)
        .flatMapToInt(
            values ->
                IntStream.range(0, values.length).map(i -> Float.floatToRawIntBits(values[i])))
        .toArray();
  }
}
