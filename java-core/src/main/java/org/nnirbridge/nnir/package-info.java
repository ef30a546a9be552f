/** The graph of a model, immutable and typed; built by GraphBuilder only. */
package org.nnirbridge.nnir;
