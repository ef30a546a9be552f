/** Builds NNIR from models traced by torch.fx (docs/graph-document.md). */
package org.nnirbridge.frontend.fx;
