/** The arithmetic of the machine: number formats, conversions and functions (docs/numerics.md). */
package org.nnirbridge.numerics;
