package org.nnirbridge.frontend.fx;

import org.nnirbridge.nnir.GraphBuilder;

/** The traced step of a scan. */
interface StepGraph {
  /** Adds the step of an element x and the states s; gives what it returns. */
  Argument addTo(GraphBuilder builder, ModuleStates states, Argument x, Argument s);
}
