/** From tiles to instructions: placed on cores, ordered, allocated, assembled. */
package org.nnirbridge.backend;
