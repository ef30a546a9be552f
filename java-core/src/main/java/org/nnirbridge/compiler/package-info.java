/** The line from graphs to a program as one method. */
package org.nnirbridge.compiler;
