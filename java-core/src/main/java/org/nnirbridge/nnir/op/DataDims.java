package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.nnirbridge.nnir.TensorType;

/**
 * The combinations of data dimensions an operator allows.
 *
 * @param choices each the data dimension of every input, then that of the result; {@link #SCALAR}
 *     for a tensor of rank 0
 * @param dynamicChoices further ones, that products may use with {@code allow_dynamic_weights}
 * @param rule the rule in words, for messages
 * @param wayOut what else a model may do, or empty
 */
public record DataDims(
    List<int[]> choices, List<int[]> dynamicChoices, String rule, String wayOut) {
  /** The data dimension of a tensor of rank 0. */
  public static final int SCALAR = -1;

  public DataDims {
    choices = List.copyOf(choices);
    dynamicChoices = List.copyOf(dynamicChoices);
  }

  public DataDims(List<int[]> choices, String rule) {
    this(choices, List.of(), rule, "");
  }

  public DataDims(List<int[]> choices, List<int[]> dynamicChoices, String rule) {
    this(choices, dynamicChoices, rule, "");
  }

  /** The combinations there are with or without {@code allow_dynamic_weights}. */
  public List<int[]> choices(boolean dynamic) {
    return dynamic ? Stream.concat(choices.stream(), dynamicChoices.stream()).toList() : choices;
  }

  /** The same data dimension everywhere: operands and result have one shape. */
  public static DataDims same(int inputCount, TensorType result, String rule) {
    List<int[]> choices = new ArrayList<>();
    if (result.rank() == 0) {
      choices.add(uniform(inputCount + 1, SCALAR));
    }
    for (int axis = 0; axis < result.rank(); axis++) {
      choices.add(uniform(inputCount + 1, axis));
    }
    return new DataDims(choices, rule);
  }

  private static int[] uniform(int length, int dim) {
    int[] choice = new int[length];
    Arrays.fill(choice, dim);
    return choice;
  }
}
