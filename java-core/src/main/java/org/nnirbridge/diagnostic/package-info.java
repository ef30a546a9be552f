/** The exceptions, typed by who must act. */
package org.nnirbridge.diagnostic;
