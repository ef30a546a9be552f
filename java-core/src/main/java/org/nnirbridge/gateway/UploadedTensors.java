package org.nnirbridge.gateway;

import java.util.List;
import java.util.stream.IntStream;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.nnir.Tensor;

/** The values of a model's tensors, sent ahead of the graph that names their shapes. */
record UploadedTensors(List<float[]> values) {
  UploadedTensors {
    values = List.copyOf(values);
  }

  List<Tensor> withShapes(List<List<Integer>> shapes) {
    if (shapes.size() != values.size()) {
      throw new InvalidArgument(
          "the graph has " + shapes.size() + " tensors, but " + values.size() + " were sent");
    }
    return IntStream.range(0, shapes.size())
        .mapToObj(i -> new Tensor(shapes.get(i), values.get(i)))
        .toList();
  }
}
