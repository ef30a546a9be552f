/** JMH benchmarks of the compiler and the virtual machine (docs/benchmarks.md). */
package org.nnirbridge.benchmark;
