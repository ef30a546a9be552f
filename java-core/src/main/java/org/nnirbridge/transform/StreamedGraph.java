package org.nnirbridge.transform;

import java.util.List;
import org.nnirbridge.nnir.Graph;

/**
 * A graph that takes one time step per inference.
 *
 * @param outputAxes for each output, the axis along which the steps make up the whole sequence
 */
public record StreamedGraph(Graph graph, List<Integer> outputAxes) {
  public StreamedGraph {
    outputAxes = List.copyOf(outputAxes);
  }
}
