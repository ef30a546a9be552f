/** The machine's arithmetic on blocks: what it is, and who computes it fastest here. */
package org.nnirbridge.vm.kernel;
