package io.lockstep.replication.eagerlock;

import java.util.List;

/**
 * Confined to its {@link EagerLock}. The one timer of a lock; its ids rise, so that one that was
 * cancelled and goes off all the same is known to be stale.
 */
final class Timer {
  /** 0 = none is armed. */
  private long armed;

  private long last;

  Timer() {}

  Timer(Timer from) {
    armed = from.armed;
    last = from.last;
  }

  void arm(TimerKind kind, List<Effect> effects) {
    armed = ++last;
    effects.add(new Effect.ArmTimer(armed, kind));
  }

  void disarm(List<Effect> effects) {
    if (armed != 0) {
      effects.add(new Effect.CancelTimer(armed));
      armed = 0;
    }
  }

  /** Whether this is the armed one, which then is no longer. */
  boolean tryFire(long id) {
    boolean fires = id != 0 && id == armed;
    armed = fires ? 0 : armed;
    return fires;
  }

  boolean isArmed() {
    return armed != 0;
  }

  /** 0 = none. */
  long armed() {
    return armed;
  }

  /** The newest, armed or not; 0 = none. */
  long last() {
    return last;
  }
}
