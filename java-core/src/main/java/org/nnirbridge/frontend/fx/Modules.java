package org.nnirbridge.frontend.fx;

import java.util.Optional;
import java.util.function.Function;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.Conv1d;
import org.nnirbridge.nnir.op.ConvolutionWeights;

/** The table of modules: class name to builder call. */
final class Modules {
  private Modules() {}

  /** What adds a module of a class; empty when it is not supported. */
  static Optional<Function<ModuleCall, Argument>> find(String type) {
    return Optional.ofNullable(
        switch (type) {
          case "torch.nn.Linear" -> Modules::linear;
          case "torch.nn.Conv1d" -> Modules::conv1d;
          case "vollo_torch.nn.PaddedConv1d" -> Modules::paddedConv1d;
          case "torch.nn.LSTM" -> module -> Recurrent.lstm(module, "");
          case "vollo_torch.nn.LSTM" -> Recurrent::outputOfLstm;
          case "vollo_torch.nn.RecurrentStateLSTM" -> Recurrent::recurrentStateLstm;
          case "vollo_torch.nn.LSTMCell" -> Recurrent::cell;
          case "vollo_torch.nn.Scan" -> Scans::scan;
          case "vollo_torch.nn.Zeros" -> module -> Filled.module(module, 0f);
          case "vollo_torch.nn.Ones" -> module -> Filled.module(module, 1f);
          case "torch.nn.ReLU" -> module -> function(module, "relu");
          case "torch.nn.ReLU6" -> module -> function(module, "relu6");
          case "torch.nn.Hardtanh" -> module -> function(module, "hardtanh");
          case "torch.nn.Tanh" -> module -> function(module, "tanh");
          case "torch.nn.Sigmoid" -> module -> function(module, "sigmoid");
          case "torch.nn.SiLU" -> module -> function(module, "silu");
          case "torch.nn.Softplus" -> module -> function(module, "softplus");
          case "torch.nn.GELU" -> module -> function(module, "gelu");
          case "torch.nn.ELU" -> module -> function(module, "elu");
          case "torch.nn.LeakyReLU" -> module -> function(module, "leaky_relu");
          case "torch.nn.Hardswish" -> module -> function(module, "hardswish");
          case "torch.nn.Softmax" -> module -> function(module, "softmax");
          case "torch.nn.MaxPool1d" -> module -> function(module, "max_pool1d");
          case "torch.nn.AvgPool1d" -> module -> function(module, "avg_pool1d");
          case "torch.nn.LayerNorm" -> module -> function(module, "layer_norm");
          case "torch.nn.RMSNorm", "vollo_torch.nn.RMSNorm" ->
              module -> function(module, "rms_norm");
          case "torch.nn.BatchNorm1d", "torch.nn.BatchNorm2d", "torch.nn.BatchNorm3d" ->
              Reductions::batchNorm;
          case "torch.nn.Identity" -> Modules::passThrough;
          case "torch.nn.Dropout", "torch.nn.Dropout1d" -> Modules::dropout;
          case "torch.nn.Flatten" -> module -> function(module, "flatten");
          case "torch.nn.Unflatten" ->
              module ->
                  Functions.unflatten(
                      module.call(), module.integer("dim", 0), module.integers("unflattened_size"));
          default -> null;
        });
  }

  /** A module that is a function, whose arguments are its attributes and parameters. */
  private static Argument function(ModuleCall module, String name) {
    return Functions.find(name).orElseThrow().apply(module.asFunction());
  }

  private static Argument passThrough(ModuleCall module) {
    return new Argument.TensorValue(module.call().tensor(0, "input"));
  }

  private static Argument dropout(ModuleCall module) {
    if (module.flag("training")) {
      throw module.call().refuse("dropout is active in training mode; call model.eval() first");
    }
    return passThrough(module);
  }

  private static Argument linear(ModuleCall module) {
    return Products.linear(
        module.call(),
        module.call().tensor(0, "input"),
        module.parameter("weight"),
        module.optionalParameter("bias"));
  }

  private static Argument paddedConv1d(ModuleCall module) {
    Tensor weight = module.parameter("conv.weight");
    int dilation = module.integer("dilation", 1);
    int reach = (weight.shape().get(2) - 1) * dilation;
    return convolution(module, "conv.", 1, dilation, reach, 0);
  }

  private static Argument conv1d(ModuleCall module) {
    if (!module.text("padding_mode", "zeros").equals("zeros")) {
      throw module
          .call()
          .refuse(
              "padding_mode="
                  + module.text("padding_mode", "")
                  + " is not supported; use \"zeros\"");
    }
    int dilation = module.integer("dilation", 1);
    int reach = (module.parameter("weight").shape().get(2) - 1) * dilation;
    int left = module.integer("padding", 0);
    int right = left;
    if (module.text("padding", "").equals("same")) {
      left = reach / 2;
      right = reach - left;
    }
    return convolution(module, "", module.integer("stride", 1), dilation, left, right);
  }

  private static Argument convolution(
      ModuleCall module, String prefix, int stride, int dilation, int left, int right) {
    Tensor weight = module.parameter(prefix + "weight");
    Optional<Tensor> bias = module.optionalParameter(prefix + "bias");
    ConvolutionWeights weights =
        new ConvolutionWeights(
            weight,
            bias.orElse(Tensor.zeros(weight.shape().subList(0, 1))),
            bias.isPresent(),
            module.integer("groups", 1));
    return module
        .call()
        .result(
            new Conv1d(weights, stride, dilation, left, right), module.call().tensor(0, "input"));
  }
}
