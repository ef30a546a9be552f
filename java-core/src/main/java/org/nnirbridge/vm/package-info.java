/** Runs a program's instructions on memory of its own. */
package org.nnirbridge.vm;
