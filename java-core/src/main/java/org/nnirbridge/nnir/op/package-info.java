/** The operators of NNIR, one file each, with all that the compiler asks of them. */
package org.nnirbridge.nnir.op;
