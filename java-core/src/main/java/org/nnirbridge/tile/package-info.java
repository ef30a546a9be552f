/** A model as work on blocks of values, in an order in which it can be computed. */
package org.nnirbridge.tile;
