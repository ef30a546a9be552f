/** Boards: what a core holds, how long its units take, and the presets. */
package org.nnirbridge.hardware;
