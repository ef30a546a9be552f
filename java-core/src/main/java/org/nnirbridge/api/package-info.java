/**
 * Runs saved programs in a JVM, without Python: {@link org.nnirbridge.api.Program} and {@link
 * org.nnirbridge.api.Vm}.
 *
 * <p>This package and {@code org.nnirbridge.diagnostic}, the exceptions that it throws, are the
 * project's interface in Java; all other packages may change at any time. On this path nothing but
 * Jackson is needed. With {@code --add-modules jdk.incubator.vector} machines compute in SIMD;
 * without it they are slower and give the same bits.
 */
package org.nnirbridge.api;
