package org.nnirbridge.benchmark;

import java.util.List;
import org.nnirbridge.Models;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.hardware.Presets;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.op.Binary;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.program.Program;
import org.nnirbridge.transform.StreamingTransform;

/** The models of the comparison with peers, by the names that they have there, and FP8 ones. */
final class Workloads {
  static final String MLP = "MLP 784-128-128-10";
  static final String CNN = "CNN step 32-128-1";
  static final String LSTM_2X256 = "LSTM step 2x256";
  static final String LSTM_2X256_SEQUENCE = "LSTM 2x256 20 steps";
  static final String LSTM_3X480 = "LSTM step 3x480";
  static final String LSTM_3X960 = "LSTM step 3x960";
  static final String LSTM_2X256_FP8 = "LSTM step 2x256, FP8";
  static final String LSTM_3X960_FP8 = "LSTM step 3x960, FP8";

  private Workloads() {}

  static Program program(String name) {
    return Models.compile(board(name), graph(name));
  }

  static HardwareConfig board(String name) {
    return Presets.byName(
        switch (name) {
          case MLP, CNN -> "bittware_ia420f_c6b32";
          case LSTM_2X256, LSTM_2X256_SEQUENCE -> "bittware_ia840f_c3b64";
          default -> "amd_v80_c6b32";
        });
  }

  static Graph graph(String name) {
    return switch (name) {
      case MLP -> mlp();
      case CNN -> streamed(cnn(), 1);
      case LSTM_2X256 -> streamed(lstm(new Models(1), 2, 128, 256, 2, 16), 0);
      case LSTM_2X256_FP8 -> streamed(lstm(new Models(1).withFp8Weights(), 2, 128, 256, 2, 16), 0);
      case LSTM_2X256_SEQUENCE -> lstm(new Models(1), 20, 128, 256, 2, 16);
      case LSTM_3X480 -> streamed(lstm(new Models(1), 2, 480, 480, 3, 32), 0);
      case LSTM_3X960 -> streamed(lstm(new Models(1), 2, 960, 960, 3, 32), 0);
      case LSTM_3X960_FP8 -> streamed(lstm(new Models(1).withFp8Weights(), 2, 960, 960, 3, 32), 0);
      default -> throw new IllegalArgumentException("there is no workload named " + name);
    };
  }

  private static Graph mlp() {
    Models models = new Models(1);
    int first = models.relu(models.linear(models.input(784), 128));
    int second = models.relu(models.linear(first, 128));
    int sum = models.add("add", new Binary(BinaryFunction.ADD), first, second);
    return models.build(models.linear(sum, 10));
  }

  private static Graph cnn() {
    Models models = new Models(1);
    int first = models.relu(models.paddedConv(models.input(32, 5), 128, 3, 1, false));
    return models.build(models.relu(models.paddedConv(first, 1, 3, 1, false)));
  }

  private static Graph lstm(
      Models models, int steps, int features, int hidden, int layers, int tags) {
    int x = models.input(steps, features);
    for (int layer = 0; layer < layers; layer++) {
      x = models.lstm(x, hidden);
    }
    return models.build(models.linear(x, tags));
  }

  private static Graph streamed(Graph graph, int axis) {
    return StreamingTransform.apply(graph, List.of(axis)).graph();
  }
}
