package org.nnirbridge.vm.plan;

/** What a cell was given {@code age} inferences ago. */
record Past(Cell cell, int age) implements Value {}
