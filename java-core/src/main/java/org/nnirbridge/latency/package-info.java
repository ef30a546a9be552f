/** Estimates an inference's cycles from a program's instruction streams. */
package org.nnirbridge.latency;
