package org.nnirbridge.nnir.op;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.tile.TileTensor;

/**
 * An operator of NNIR. Each answers the compiler's four questions in its own file: the type of its
 * result, which axes may be data dimensions, what it becomes for one time step, and its tiles.
 */
public sealed interface Op
    permits Input,
        Constant,
        StateRead,
        ScanInput,
        ScanOutput,
        Linear,
        MatMul,
        Conv1d,
        Conv1dStep,
        RecurrentLayer,
        LstmCell,
        GruCell,
        Elementwise,
        AlongAxes,
        Pool1d,
        CumSum,
        Rearrangement {

  /** The operator's name in prints and messages. */
  default String label() {
    return getClass().getSimpleName();
  }

  /**
   * The type of the result; throws UnsupportedModel, without the node's name, when there is none.
   */
  TensorType inferType(List<TensorType> inputs, NodeContext context);

  /** The combinations of data dimensions that the operator can compute. */
  DataDims dataDims(List<TensorType> inputs, TensorType result);

  /** Adds what computes one time step of this operator. */
  StreamedNode stream(StreamStep step);

  /** Adds the tiles that compute this operator. */
  TileTensor lower(LowerStep step);

  /** The attributes in prints, such as {@code bias: 64}. */
  List<String> attributes(NodeContext context);

  /** Whether {@link #stream} itself looks at what excerpt of the time steps an operand holds. */
  default boolean streamsExcerpts(StreamStep step) {
    return false;
  }

  /**
   * The axis that must be the streaming axis for the operator to be compiled, where there is one.
   */
  default OptionalInt neededStreamingAxis() {
    return OptionalInt.empty();
  }

  /** Whether it computes in float32 within Fp32Activations. */
  default boolean hasFloat32() {
    return false;
  }

  /** Whether the print ends with the precision of the activations. */
  default boolean printsActivationPrecision() {
    return false;
  }

  /** The result on constants, for operators that are computed at compile time. */
  default Optional<Tensor> fold(List<Tensor> inputs) {
    return Optional.empty();
  }
}
