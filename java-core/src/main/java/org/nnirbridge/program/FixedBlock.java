package org.nnirbridge.program;

import org.nnirbridge.numerics.NumberFormat;

/** A constant in a core's tensor RAM: float32 values, rounded to the format when loaded. */
public record FixedBlock(int address, NumberFormat format, float[] values) {}
