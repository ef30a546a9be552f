/** What the project's files have in common. */
package org.nnirbridge.file;
