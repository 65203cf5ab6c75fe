package io.lockstep.replication.eagerlock;

/** The mutants: what GlusterFS's AFR does when a flush finds the lock parked (issue 4425 there). */
final class AfrRules {
  /** The timer is cancelled; release is set by nobody until the wake-up, which may be too late. */
  static final EagerLockRules BEFORE =
      new EagerLockRules() {
        @Override
        public void onFlushOfParked(Parked parked) {
          parked.cancelTimer();
        }

        @Override
        public boolean joinsParked(boolean timerArmed) {
          return timerArmed;
        }
      };

  /** The timer is cancelled and release is set in the same transition. */
  static final EagerLockRules AFTER =
      new EagerLockRules() {
        @Override
        public void onFlushOfParked(Parked parked) {
          parked.release("flush");
        }
      };

  private AfrRules() {}
}
