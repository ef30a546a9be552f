package org.nnirbridge.nnir.op;

/**
 * What a node became in the streaming graph.
 *
 * @param node the id in the streaming graph
 * @param timeAxis the time axis in the original result, or {@link StreamStep#NO_TIME}
 */
public record StreamedNode(int node, int timeAxis) {}
