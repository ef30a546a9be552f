/** Reads ONNX models. */
package org.nnirbridge.frontend.onnx;
