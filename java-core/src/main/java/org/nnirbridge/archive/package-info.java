/** Models before they are compiled as files: JSON for the graph, Arrow for its tensors. */
package org.nnirbridge.archive;
