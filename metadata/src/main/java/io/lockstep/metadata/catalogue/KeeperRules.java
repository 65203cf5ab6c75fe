package io.lockstep.metadata.catalogue;

/**
 * Immutable. The decisions of a {@link SetKeeper} that carry the protocol rules, apart from its
 * bookkeeping, so that a test can show what each is for by changing it. Production has one set.
 */
public class KeeperRules {
  public static final KeeperRules PRODUCTION = new KeeperRules();

  protected KeeperRules() {}

  /** P3: whether a member that is logged RW is out of step, having begun a new run. */
  protected boolean isOutOfStep(boolean restarted) {
    return restarted;
  }

  /**
   * P8: whether a member in step may be condemned on a report.
   *
   * @param heard it is, or nobody else in step is, who could stand in for it
   */
  protected boolean mayCondemn(int readersLeft, int minReplicas, boolean heard) {
    return readersLeft >= minReplicas || (readersLeft >= 1 && !heard);
  }

  /** P9: whether every RW member refuses older epochs, so that heal may begin or end. */
  protected boolean isBarrierUp(boolean allAdopted) {
    return allAdopted;
  }

  /** P9: whether a member that says that it is healed is in step. */
  protected boolean isHealed(boolean noPendingMarkLeft) {
    return noPendingMarkLeft;
  }
}
