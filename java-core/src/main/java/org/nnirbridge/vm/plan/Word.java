package org.nnirbridge.vm.plan;

/** A word of an input, converted to the input's format. */
record Word(int input, int index) implements Value {}
