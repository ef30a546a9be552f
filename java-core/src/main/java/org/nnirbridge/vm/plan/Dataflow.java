package org.nnirbridge.vm.plan;

import java.util.List;

/**
 * What an inference of a model computes, without cores, links and addresses.
 *
 * @param results in an order in which each comes after its sources
 * @param outputs for each output the values of its words
 * @param cells the state
 */
record Dataflow(List<Result> results, List<List<Value>> outputs, List<Cell> cells) {}
