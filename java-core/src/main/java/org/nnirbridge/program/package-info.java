/** The compiled program and its file (docs/program-format.md), checked before anything runs. */
package org.nnirbridge.program;
