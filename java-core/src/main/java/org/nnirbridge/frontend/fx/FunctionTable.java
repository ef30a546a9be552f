package org.nnirbridge.frontend.fx;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.nnirbridge.nnir.op.Reduce;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.UnaryFunction;

/** PyTorch's functions, operators and tensor methods by name, with the builder call of each. */
final class FunctionTable {
  private final Map<String, Function<Call, Argument>> entries = new TreeMap<>();

  private FunctionTable() {
    arithmetic();
    comparisons();
    alongAxes();
    functions();
    clamps();
    products();
    shapes();
    joining();
    indexing();
    unchanged();
    constants();
    InPlace.FUNCTIONS.forEach(name -> put(entries.get(name), name + "_"));
  }

  /** The builder calls by name. */
  static Map<String, Function<Call, Argument>> entries() {
    return Collections.unmodifiableMap(new FunctionTable().entries);
  }

  private void put(Function<Call, Argument> builderCall, String... names) {
    for (String name : names) {
      entries.put(name, builderCall);
    }
  }

  /** What moves values, of comparisons too. */
  private void move(Function<Call, Argument> builderCall, String... names) {
    put(Masks.through(builderCall), names);
  }

  private void put(UnaryFunction function, String... names) {
    put(call -> Functions.unary(call, function), names);
  }

  private void arithmetic() {
    put(call -> Functions.binary(call, BinaryFunction.ADD), "add", "iadd");
    put(call -> Functions.binary(call, BinaryFunction.SUB), "sub", "isub", "subtract");
    put(call -> Functions.binary(call, BinaryFunction.MUL), "mul", "imul", "multiply");
    put(Functions::divide, "truediv", "itruediv", "div", "divide", "true_divide");
    put(Functions::reversedSubtract, "rsub");
    put(call -> Functions.binary(call, BinaryFunction.MAXIMUM), "maximum");
    put(call -> Functions.binary(call, BinaryFunction.MINIMUM), "minimum");
    put(call -> Functions.extreme(call, BinaryFunction.MAXIMUM), "max");
    put(call -> Functions.extreme(call, BinaryFunction.MINIMUM), "min");
    put(UnaryFunction.NEG, "neg", "negative");
    put(UnaryFunction.ABS, "abs", "absolute");
  }

  private void comparisons() {
    put(call -> Activations.compare(call, BinaryFunction.GREATER), "gt", "greater");
    put(call -> Activations.compare(call, BinaryFunction.GREATER_EQUAL), "ge", "greater_equal");
    put(call -> Activations.compareReversed(call, BinaryFunction.GREATER), "lt", "less");
    put(
        call -> Activations.compareReversed(call, BinaryFunction.GREATER_EQUAL),
        "le",
        "less_equal");
    put(Masks::equal, "eq");
    put(Masks::notEqual, "ne", "not_equal");
    put(Masks::and, "and_", "logical_and", "bitwise_and");
    put(Masks::or, "or_", "logical_or", "bitwise_or");
    put(Masks::xor, "xor", "logical_xor", "bitwise_xor");
    put(Masks::not, "invert", "logical_not", "bitwise_not");
    put(Activations::where, "where");
    put(Activations::maskedFill, "masked_fill");
  }

  private void alongAxes() {
    put(call -> Reductions.reduce(call, Reduce.Reduction.SUM), "sum");
    put(call -> Reductions.reduce(call, Reduce.Reduction.MEAN), "mean");
    put(Reductions::cumulativeSum, "cumsum");
    put(Reductions::softmax, "softmax");
    put(Reductions::rmsNorm, "rms_norm");
    put(Reductions::layerNorm, "layer_norm");
    put(Reductions::batchNorm, "batch_norm");
    put(Pooling::max, "max_pool1d");
    put(Pooling::average, "avg_pool1d");
  }

  private void functions() {
    put(UnaryFunction.SQRT, "sqrt");
    put(UnaryFunction.RSQRT, "rsqrt");
    put(UnaryFunction.RECIPROCAL, "reciprocal");
    put(UnaryFunction.EXP, "exp");
    put(UnaryFunction.TANH, "tanh");
    put(UnaryFunction.SIGMOID, "sigmoid");
    put(UnaryFunction.SILU, "silu");
    put(UnaryFunction.EXP2, "exp2");
    put(UnaryFunction.LOG, "log");
    put(UnaryFunction.LOG2, "log2");
    put(UnaryFunction.LOG10, "log10");
    put(Activations::softplus, "softplus");
    put(Activations::gelu, "gelu");
    put(Activations::elu, "elu");
    put(Activations::leakyRelu, "leaky_relu");
    put(UnaryFunction.HARDSWISH, "hardswish");
  }

  private void clamps() {
    put(call -> Functions.clamp(call, 0f, Float.POSITIVE_INFINITY), "relu");
    put(call -> Functions.clamp(call, 0f, 6f), "relu6");
    put(
        call ->
            Functions.clamp(call, call.number(1, "min_val", -1f), call.number(2, "max_val", 1f)),
        "hardtanh");
    put(
        call ->
            Functions.clamp(
                call,
                call.number(1, "min", Float.NEGATIVE_INFINITY),
                call.number(2, "max", Float.POSITIVE_INFINITY)),
        "clamp",
        "clip");
    put(
        call -> Functions.clamp(call, call.number(1, "min", 0f), Float.POSITIVE_INFINITY),
        "clamp_min");
    put(
        call -> Functions.clamp(call, Float.NEGATIVE_INFINITY, call.number(1, "max", 0f)),
        "clamp_max");
  }

  private void products() {
    put(Products::linear, "linear");
    put(Products::matmul, "matmul", "mm", "bmm", "mv");
    put(Convolution::conv1d, "conv1d");
  }

  private void shapes() {
    move(Functions::transpose, "transpose", "swapaxes", "swapdims");
    move(Functions::permute, "permute");
    move(Functions::matrixTranspose, "t");
    move(Functions::attribute, "getattr");
    move(Functions::reshape, "reshape", "view");
    move(
        call -> Functions.reshapeTo(call, call.shape(call.tensor(1, "other"))),
        "reshape_as",
        "view_as");
    move(Functions::flatten, "flatten");
    move(Functions::unflatten, "unflatten");
    move(Functions::squeeze, "squeeze");
    move(Functions::unsqueeze, "unsqueeze");
    move(Joining::repeat, "repeat");
    move(Joining::broadcastTensors, "broadcast_tensors");
    move(Functions::expand, "broadcast_to", "expand");
    move(call -> Functions.expandTo(call, call.shape(call.tensor(1, "other"))), "expand_as");
  }

  private void joining() {
    put(Joining::cat, "cat", "concat", "concatenate");
    put(Joining::stack, "stack");
    put(Joining::vstack, "vstack", "row_stack");
    put(Joining::hstack, "hstack");
    put(Joining::columnStack, "column_stack");
    put(Joining::dstack, "dstack");
    put(Padding::pad, "pad");
    put(Padding::roll, "roll");
  }

  private void indexing() {
    move(Functions::indexSelect, "index_select");
    move(Indexing::getItem, "getitem");
    move(Functions::narrow, "narrow");
    move(Functions::select, "select");
    move(Functions::chunk, "chunk");
    move(Functions::split, "split");
  }

  private void unchanged() {
    put(
        call -> new Argument.TensorValue(call.tensor(0, "input")),
        "contiguous",
        "clone",
        "detach",
        "float");
    put(Functions::toType, "to", "type");
    put(Functions::dropout, "dropout");
  }

  private void constants() {
    put(call -> Filled.filled(call, 0f), "zeros");
    put(call -> Filled.filled(call, 1f), "ones");
    put(call -> Filled.full(call, 0), "full");
    put(call -> Filled.filledLike(call, 0f), "zeros_like");
    put(call -> Filled.filledLike(call, 1f), "ones_like");
    put(Filled::fullLike, "full_like");
    put(call -> Filled.filledNew(call, 0f), "new_zeros");
    put(call -> Filled.filledNew(call, 1f), "new_ones");
    put(call -> Filled.full(call, 1), "new_full");
  }
}
