/** Which axis of each tensor lies along the machine's vectors. */
package org.nnirbridge.layout;
