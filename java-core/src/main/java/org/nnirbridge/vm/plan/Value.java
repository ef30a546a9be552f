package org.nnirbridge.vm.plan;

/** A block of values that an inference finds or computes; each is given once. */
sealed interface Value permits Constant, Past, Result, Word {}
