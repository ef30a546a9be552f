package org.nnirbridge.frontend.fx;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

/** The table of modules: class name to builder call. */
final class Modules {
  private static final Map<String, Function<ModuleCall, Argument>> TABLE = table();

  private Modules() {}

  /** What adds a module of a class; empty when it is not supported. */
  static Optional<Function<ModuleCall, Argument>> find(String type) {
    return Optional.ofNullable(TABLE.get(type));
  }

  /** The classes of all modules. */
  static Set<String> names() {
    return TABLE.keySet();
  }

  private static Map<String, Function<ModuleCall, Argument>> table() {
    Map<String, Function<ModuleCall, Argument>> table = new TreeMap<>();
    functionsOf().forEach((type, name) -> table.put(type, module -> function(module, name)));
    table.put("torch.nn.Linear", Modules::linear);
    table.put("vollo_torch.nn.PaddedConv1d", Convolution::padded);
    table.put("torch.nn.LSTM", module -> Recurrent.lstm(module, ""));
    table.put("torch.nn.GRU", Recurrent::gru);
    table.put("torch.nn.GRUCell", Recurrent::explicitGruCell);
    table.put("torch.nn.LSTMCell", Recurrent::explicitLstmCell);
    table.put("vollo_torch.nn.LSTM", Recurrent::outputOfLstm);
    table.put("vollo_torch.nn.RecurrentStateLSTM", Recurrent::recurrentStateLstm);
    table.put("vollo_torch.nn.LSTMCell", Recurrent::cell);
    table.put("vollo_torch.nn.Scan", Scans::scan);
    table.put("vollo_torch.nn.Zeros", module -> Filled.module(module, 0f));
    table.put("vollo_torch.nn.Ones", module -> Filled.module(module, 1f));
    table.put("torch.nn.ConstantPad1d", Padding::constant);
    table.put("torch.nn.ZeroPad1d", Padding::constant);
    table.put("torch.nn.Identity", Modules::passThrough);
    table.put("torch.nn.Dropout", Modules::dropout);
    table.put("torch.nn.Dropout1d", Modules::dropout);
    table.put(
        "torch.nn.Unflatten",
        module ->
            Functions.unflatten(
                module.call(), module.integer("dim", 0), module.integers("unflattened_size")));
    return table;
  }

  /** The modules that are a function, whose arguments are their attributes and parameters. */
  private static Map<String, String> functionsOf() {
    Map<String, String> functions = new TreeMap<>();
    functions.put("torch.nn.ReLU", "relu");
    functions.put("torch.nn.ReLU6", "relu6");
    functions.put("torch.nn.Hardtanh", "hardtanh");
    functions.put("torch.nn.Tanh", "tanh");
    functions.put("torch.nn.Sigmoid", "sigmoid");
    functions.put("torch.nn.SiLU", "silu");
    functions.put("torch.nn.Softplus", "softplus");
    functions.put("torch.nn.GELU", "gelu");
    functions.put("torch.nn.ELU", "elu");
    functions.put("torch.nn.LeakyReLU", "leaky_relu");
    functions.put("torch.nn.Hardswish", "hardswish");
    functions.put("torch.nn.Softmax", "softmax");
    functions.put("torch.nn.MaxPool1d", "max_pool1d");
    functions.put("torch.nn.AvgPool1d", "avg_pool1d");
    functions.put("torch.nn.Conv1d", "conv1d");
    functions.put("torch.nn.BatchNorm1d", "batch_norm");
    functions.put("torch.nn.BatchNorm2d", "batch_norm");
    functions.put("torch.nn.BatchNorm3d", "batch_norm");
    functions.put("torch.nn.LayerNorm", "layer_norm");
    functions.put("torch.nn.RMSNorm", "rms_norm");
    functions.put("vollo_torch.nn.RMSNorm", "rms_norm");
    functions.put("torch.nn.Flatten", "flatten");
    return functions;
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
}
