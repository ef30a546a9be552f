package org.nnirbridge.vm.plan;

import java.util.Collections;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.concurrent.ConcurrentHashMap;
import org.nnirbridge.program.Program;
import org.nnirbridge.vm.VmMode;

/** The plans of programs that are still in use, so that their machines share them. */
public final class PlanCache {
  private static final Map<Program, Map<Key, ProgramPlan>> PLANS =
      Collections.synchronizedMap(new WeakHashMap<>());

  private record Key(VmMode mode, int threads) {}

  private PlanCache() {}

  /** The plan of a program, made if it is not there yet. */
  public static ProgramPlan plan(Program program, VmMode mode, int threads) {
    return PLANS
        .computeIfAbsent(program, key -> new ConcurrentHashMap<>())
        .computeIfAbsent(new Key(mode, threads), key -> ProgramPlan.of(program, mode, threads));
  }
}
