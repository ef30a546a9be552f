/** The machine's arithmetic in SIMD, with lanes = independent outputs. */
package org.nnirbridge.vm.kernel.simd;
