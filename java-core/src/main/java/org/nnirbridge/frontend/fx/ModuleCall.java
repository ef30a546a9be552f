package org.nnirbridge.frontend.fx;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.nnirbridge.nnir.Tensor;

/**
 * A call of a module: the call itself, and what the module holds.
 *
 * @param attributes its public attributes that are plain values
 * @param parameters its parameters and buffers by their state-dict names
 * @param instance the same number for each call of one module
 * @param states what modules keep from call to call
 * @param scope the scan in whose step the call is; empty outside of any
 * @param step the step of a scan
 */
record ModuleCall(
    Call call,
    Map<String, Argument> attributes,
    Map<String, Tensor> parameters,
    int instance,
    ModuleStates states,
    String scope,
    Optional<StepGraph> step) {

  /** The call with attributes and parameters as arguments by name. */
  Call asFunction() {
    Map<String, Argument> kwargs = new HashMap<>(attributes);
    parameters.forEach(
        (name, values) ->
            kwargs.put(
                name,
                new Argument.TensorValue(
                    call.builder().constant(call.name() + "_" + name, values))));
    kwargs.putAll(call.kwargs());
    return call.with(call.args(), kwargs);
  }

  /** The attribute as an argument; None when the module has none of that name. */
  Argument attribute(String name) {
    return attributes.getOrDefault(name, new Argument.None());
  }

  boolean flag(String name) {
    return attribute(name) instanceof Argument.Bool flag && flag.value();
  }

  float number(String name, float otherwise) {
    return attribute(name) instanceof Argument.Number number ? (float) number.value() : otherwise;
  }

  /** An integer, also when PyTorch keeps it as a tuple of one. */
  int integer(String name, int otherwise) {
    Argument value = attribute(name);
    if (value instanceof Argument.Several several && several.items().size() == 1) {
      value = several.all().get(0);
    }
    return value instanceof Argument.Number number ? (int) number.value() : otherwise;
  }

  List<Integer> integers(String name) {
    if (attribute(name) instanceof Argument.Several several) {
      return several.all().stream()
          .map(item -> item instanceof Argument.Number number ? (int) number.value() : 0)
          .toList();
    }
    return List.of(integer(name, 0));
  }

  String text(String name, String otherwise) {
    return attribute(name) instanceof Argument.Text text ? text.value() : otherwise;
  }

  Tensor parameter(String name) {
    return optionalParameter(name).orElseThrow(() -> call.refuse("it has no parameter " + name));
  }

  Optional<Tensor> optionalParameter(String name) {
    return Optional.ofNullable(parameters.get(name));
  }
}
