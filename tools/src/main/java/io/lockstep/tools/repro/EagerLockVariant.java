package io.lockstep.tools.repro;

import io.lockstep.replication.eagerlock.EagerLock;
import io.lockstep.replication.eagerlock.EagerLockRules;
import io.lockstep.replication.eagerlock.Effect;
import io.lockstep.replication.eagerlock.State;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Immutable. Whose eager lock: that of GlusterFS's AFR before and after the fix of its issue 4425,
 * or ours. In AFR a flush runs in two steps, with the inode unlocked between them: the first
 * cancels the timer of the parked transaction, the second ({@link #wake}) does what the timer would
 * have done. Before the fix, nobody was responsible for the lock in between.
 */
public enum EagerLockVariant {
  /** The flush cancels the timer and leaves it to its second step to flag the release. */
  AFR_BEFORE(new AfrBefore()),
  /** The flush flags the release where it cancels the timer. */
  AFR_AFTER(new AfrAfter()),
  /** The flush leaves the lock alone. */
  LOCKSTEP(EagerLockRules.PRODUCTION);

  private final EagerLockRules rules;

  EagerLockVariant(EagerLockRules rules) {
    this.rules = rules;
  }

  /** As written on the command line. */
  public static Optional<EagerLockVariant> named(String name) {
    return Arrays.stream(values()).filter(variant -> variant.toString().equals(name)).findFirst();
  }

  public EagerLockRules rules() {
    return rules;
  }

  /** Whether lockd has AFR's rule too: each grant an object of its own, an unlock removes one. */
  public boolean isHistoric() {
    return this != LOCKSTEP;
  }

  /** The second step of a flush: nothing if the lock is owned again. */
  public List<Effect> wake(EagerLock lock) {
    boolean nobodyOwns = lock.state() == State.PARKED && !lock.isTimerArmed();
    return isHistoric() && nobodyOwns ? lock.onRecall(lock.heldLease()) : List.of();
  }

  @Override
  public String toString() {
    return name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
  }

  /** Immutable. AFR 4.1 to 11.1. */
  private static final class AfrBefore implements EagerLockRules {
    @Override
    public void onFlushOfParked(Parked parked) {
      parked.cancelTimer();
    }

    /** Whoever finds no timer to cancel and no owner to join takes the lock on the wire. */
    @Override
    public boolean joinsParked(boolean timerArmed) {
      return timerArmed;
    }
  }

  /** Immutable. AFR since its pull request 4426. */
  private static final class AfrAfter implements EagerLockRules {
    @Override
    public void onFlushOfParked(Parked parked) {
      parked.release("flush");
    }

    @Override
    public boolean joinsParked(boolean timerArmed) {
      return timerArmed;
    }
  }
}
