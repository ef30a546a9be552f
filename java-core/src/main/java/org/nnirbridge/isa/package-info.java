/** The instructions, addresses and state windows of a core. */
package org.nnirbridge.isa;
