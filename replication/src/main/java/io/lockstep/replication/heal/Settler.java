package io.lockstep.replication.heal;

import io.lockstep.core.ErrorCode;
import java.util.List;
import java.util.Map;

/**
 * Confined to the control agent. Makes one sealed object equal to a source that the master chose
 * (P1). Nobody writes it meanwhile, and no mark is cleared here but the one of the repair itself:
 * the master clears dirty marks when all are equal.
 */
public final class Settler {
  private final ObjectRepair repair;

  public Settler(long inode, long task, int source) {
    repair = new ObjectRepair(inode, task, List.of(source), Map.of(), null, null);
  }

  public List<HealEffect> onStart() {
    return List.of(repair.start());
  }

  public List<HealEffect> onStat(ErrorCode code, SourceState found) {
    return effects(repair.onStat(code, found));
  }

  public List<HealEffect> onCompared(ErrorCode code, byte[] source, byte[] local) {
    return effects(repair.onCompared(code, source, local));
  }

  public List<HealEffect> onDone(ErrorCode code) {
    return effects(repair.onDone(code));
  }

  public boolean isEnded() {
    return repair.state().isEnd();
  }

  /** How it ended. */
  public ErrorCode outcome() {
    return repair.state() == ObjectRepair.State.DONE ? ErrorCode.OK : repair.failure();
  }

  private static List<HealEffect> effects(HealEffect effect) {
    return effect == null ? List.of() : List.of(effect);
  }
}
