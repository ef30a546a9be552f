package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.tile.Vector;
import org.nnirbridge.tile.WeightMatrix;

/**
 * The constants of a convolution.
 *
 * @param weight of shape [out channels, in channels / groups, kernel size], the oldest tap first
 * @param bias of shape [out channels]; zeros where the model has none, which is the same sum
 * @param groups 1, or as many as there are channels in and out (depthwise)
 */
public record ConvolutionWeights(Tensor weight, Tensor bias, boolean hasBias, int groups) {
  /** Whether each channel has taps of its own, so that no matrix is multiplied. */
  public boolean isDepthwise() {
    return groups != 1;
  }

  /** Refuses groups that are neither one nor one for each channel. */
  void checkGroups() {
    boolean depthwise = weight.shape().get(1) == 1 && groups == outChannels();
    if (groups != 1 && !depthwise) {
      throw new UnsupportedModel(
          "groups=%d is not supported with %d channels in and %d out; use 1, or as many as there are channels in and out"
              .formatted(groups, inChannels(), outChannels()));
    }
  }

  int outChannels() {
    return weight.shape().get(0);
  }

  int inChannels() {
    return weight.shape().get(1) * groups;
  }

  int kernelSize() {
    return weight.shape().get(2);
  }

  /** What makes one output step from its taps, oldest first. */
  Function<List<Vector>, Vector> lowerTaps(LowerStep step) {
    if (isDepthwise()) {
      List<float[]> scales = new ArrayList<>();
      for (int tap = 0; tap < kernelSize(); tap++) {
        scales.add(step.storedWeights(tapValues(tap)));
      }
      return taps -> step.tiles().multiplyAdd(scales, taps, bias.values(), step.type().format());
    }
    List<WeightMatrix> matrices = new ArrayList<>();
    for (int tap = 0; tap < kernelSize(); tap++) {
      matrices.add(
          step.tiles()
              .weights(tapValues(tap), outChannels(), inChannels(), step.context().fp8Weights()));
    }
    return taps -> step.tiles().linear(matrices, taps, bias.values(), step.type().format());
  }

  private float[] tapValues(int tap) {
    float[] values = new float[weight.values().length / kernelSize()];
    for (int i = 0; i < values.length; i++) {
      values[i] = weight.values()[i * kernelSize() + tap];
    }
    return values;
  }

  List<String> attributes(NodeContext context) {
    return List.of(
        "weight: " + Print.tuple(weight.shape()),
        Print.weightPrecision(context),
        hasBias ? Print.bias(bias) : "bias: None",
        "groups: " + groups);
  }
}
