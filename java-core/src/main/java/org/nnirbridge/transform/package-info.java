/** Rewrites of whole graphs: graph in, graph out. */
package org.nnirbridge.transform;
