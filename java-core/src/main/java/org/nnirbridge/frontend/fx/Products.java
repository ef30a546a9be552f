package org.nnirbridge.frontend.fx;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.Linear;
import org.nnirbridge.nnir.op.MatMul;
import org.nnirbridge.nnir.op.Transpose;
import org.nnirbridge.numerics.BinaryFunction;

/** PyTorch's products: by a constant matrix where one side is one, else of two tensors. */
final class Products {
  private Products() {}

  static Argument linear(Call call) {
    int input = call.tensor(0, "input");
    int weight = call.tensor(1, "weight");
    Optional<Integer> bias =
        call.argument(2, "bias")
            .filter(given -> !(given instanceof Argument.None))
            .map(given -> call.tensor(given, "bias"));
    Optional<Tensor> constant = call.constant(weight);
    Optional<Tensor> constantBias = bias.flatMap(call::constant);
    if (constant.isPresent() && bias.isPresent() == constantBias.isPresent()) {
      return linear(call, input, constant.get(), constantBias);
    }
    int product =
        constant.isPresent()
            ? node(linear(call, input, constant.get(), Optional.empty()))
            : node(matmul(call, input, transposed(call, weight)));
    return new Argument.TensorValue(
        bias.isEmpty() ? product : call.binary(BinaryFunction.ADD, product, bias.get()));
  }

  static Argument linear(Call call, int input, Tensor weight, Optional<Tensor> bias) {
    if (weight.shape().size() != 2) {
      throw call.refuse(
          "its weight has shape " + weight.shape() + "; give one of two axes, (out, in)");
    }
    Tensor values = bias.orElse(Tensor.zeros(weight.shape().subList(0, 1)));
    int last = call.shape(input).size() - 1;
    if (last < 0) {
      throw call.refuse("needs an input with at least one axis");
    }
    return call.result(new Linear(weight, values, bias.isPresent(), last), input);
  }

  private static int transposed(Call call, int weight) {
    return call.shape(weight).size() < 2 ? weight : call.add(new Transpose(List.of(1, 0)), weight);
  }

  private static int node(Argument result) {
    return ((Argument.TensorValue) result).node();
  }

  static Argument matmul(Call call) {
    return matmul(call, call.tensor(0, "input"), call.tensor(1, "other"));
  }

  private static Argument matmul(Call call, int a, int b) {
    Optional<Tensor> right = matrix(call, b, call.shape(a).size());
    if (right.isPresent()) {
      int axis = call.shape(a).size() - 1;
      boolean isVector = right.get().shape().size() == 1;
      Tensor weight = isVector ? asRow(right.get()) : right.get().transposedMatrix();
      return product(call, weight, a, axis, isVector);
    }
    Optional<Tensor> left = matrix(call, a, call.shape(b).size());
    if (left.isPresent()) {
      int axis = Math.max(call.shape(b).size() - 2, 0);
      boolean isVector = left.get().shape().size() == 1;
      return product(call, isVector ? asRow(left.get()) : left.get(), b, axis, isVector);
    }
    return general(call, a, b);
  }

  /** A constant of at most two axes, not counting axes of extent 1 that the other side has too. */
  private static Optional<Tensor> matrix(Call call, int node, int otherRank) {
    return call.constant(node)
        .filter(tensor -> tensor.shape().size() <= Math.max(otherRank, 2))
        .flatMap(
            tensor -> {
              int extra = Math.max(tensor.shape().size() - 2, 0);
              List<Integer> shape = tensor.shape().subList(extra, tensor.shape().size());
              return tensor.shape().subList(0, extra).stream().allMatch(extent -> extent == 1)
                  ? Optional.of(new Tensor(shape, tensor.values()))
                  : Optional.empty();
            });
  }

  private static Tensor asRow(Tensor vector) {
    return new Tensor(List.of(1, vector.shape().get(0)), vector.values());
  }

  /** A weight times an axis of the input; the product with a vector has no such axis any more. */
  private static Argument product(Call call, Tensor weight, int input, int axis, boolean isVector) {
    Tensor zeros = Tensor.zeros(weight.shape().subList(0, 1));
    int result = call.add(new Linear(weight, zeros, false, axis), input);
    return new Argument.TensorValue(
        isVector ? call.reshape(result, Shapes.without(call.shape(result), axis)) : result);
  }

  /** The product of any two tensors: a vector is a matrix of one row or column for it. */
  private static Argument general(Call call, int a, int b) {
    List<Integer> left = call.shape(a);
    List<Integer> right = call.shape(b);
    List<Integer> leftMatrix = left.size() == 1 ? List.of(1, left.get(0)) : left;
    List<Integer> rightMatrix = right.size() == 1 ? List.of(right.get(0), 1) : right;
    List<Integer> batch = call.commonShape(leading(leftMatrix), leading(rightMatrix));
    int first = broadcast(call, call.reshape(a, leftMatrix), batch);
    int second = broadcast(call, call.reshape(b, rightMatrix), batch);
    MatMul.Side constant =
        call.constant(first).isPresent()
            ? MatMul.Side.LEFT
            : call.constant(second).isPresent() ? MatMul.Side.RIGHT : MatMul.Side.NEITHER;
    int product = call.add(new MatMul(constant), first, second);
    List<Integer> shape = call.shape(product);
    List<Integer> kept =
        IntStream.range(0, shape.size())
            .filter(axis -> axis != shape.size() - 2 || left.size() > 1)
            .filter(axis -> axis != shape.size() - 1 || right.size() > 1)
            .mapToObj(shape::get)
            .toList();
    return new Argument.TensorValue(call.reshape(product, kept));
  }

  private static List<Integer> leading(List<Integer> shape) {
    return shape.subList(0, shape.size() - 2);
  }

  private static int broadcast(Call call, int matrix, List<Integer> batch) {
    List<Integer> shape = call.shape(matrix);
    List<Integer> target = new ArrayList<>(batch);
    target.addAll(shape.subList(shape.size() - 2, shape.size()));
    return call.broadcast(matrix, target);
  }
}
