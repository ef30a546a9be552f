/**
 * The door of the compiler for another process: a control plane for calls, a data plane for values.
 *
 * <p>Both are described byte by byte in {@code docs/gateway.md}.
 */
package org.nnirbridge.gateway;
