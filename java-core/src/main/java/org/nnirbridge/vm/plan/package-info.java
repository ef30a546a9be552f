/**
 * Turns a program's instruction streams into the steps that a processor runs fast: values instead
 * of addresses, weights packed in the order of their use, work shared out to threads.
 */
package org.nnirbridge.vm.plan;
