package io.lockstep.replication.eagerlock;

import io.lockstep.core.Check;
import io.lockstep.replication.eagerlock.Operations.Owner;

/**
 * Immutable. An {@link EagerLock} seen from outside, between two events: what must hold there (I2),
 * and how people and explorers read it.
 */
final class EagerLockView {
  private EagerLockView() {}

  static void check(EagerLock lock) {
    boolean stable =
        lock.state == State.ACTIVE || lock.state == State.PARKED || lock.state == State.DRAINING;
    boolean owned = lock.operations.isOwned();
    boolean waiting = lock.operations.hasWaiting();
    Check.that(
        !stable || owned || lock.timer != 0 || lock.release,
        "held without owners, timer or release: %s",
        lock);
    Check.that(!stable || lock.held != null, "nothing held: %s", lock);
    Check.that(lock.state != State.PARKED || !owned, "parked with owners: %s", lock);
    Check.that(lock.state != State.PARKED || !waiting, "parked, some wait: %s", lock);
    Check.that(lock.state != State.ACTIVE || owned, "active without owners: %s", lock);
    Check.that(lock.state != State.DRAINING || owned, "drained, not released: %s", lock);
    boolean going = lock.state == State.DRAINING || lock.state == State.RELEASING;
    Check.that(lock.release == going, "release is %s: %s", lock.release, lock);
    Check.that(going || !lock.operations.hasFrozen(), "frozen without a release: %s", lock);
    Check.that(
        lock.state != State.IDLE || (lock.held == null && !waiting),
        "idle with leftovers: %s",
        lock);
    Check.that(lock.held != null || !owned, "owners without a lease: %s", lock);
    Check.that(
        lock.timer == 0 || lock.state == State.PARKED || lock.state == State.DRAINING,
        "timer: %s",
        lock);
    if (lock.held != null) {
      Owner uncovered = lock.operations.uncovered(lock.held);
      Check.that(uncovered == null, "%s is not covered: %s", uncovered, lock);
    }
  }

  static String describe(EagerLock lock) {
    return String.format(
        "%s lease=%d held=%s/%d token=%s epoch=%d wanted=%s flags=%s timer=%d drain=%d %s cycle=%s",
        lock.state,
        lock.lastLease,
        lock.held,
        lock.heldLease,
        lock.token,
        lock.epoch,
        lock.wanted,
        flags(lock),
        lock.timer,
        lock.drainStarts,
        lock.operations,
        lock.cycles);
  }

  private static String flags(EagerLock lock) {
    return (lock.release ? "R" : "-")
        + (lock.recalledEarly ? "E" : "-")
        + (lock.sharedRecalled ? "S" : "-")
        + (lock.clean ? "C" : "-")
        + (lock.lost ? "L" : "-")
        + (lock.drainOver ? "O" : "-");
  }

  static String key(EagerLock lock) {
    StringBuilder key = new StringBuilder(96);
    key.append(lock.state).append(flags(lock)).append(lock.epoch).append(lock.held);
    if (lock.held != null) {
      key.append(lock.heldLease - lock.lastLease);
    }
    if (lock.state == State.ACQUIRING) {
      key.append(lock.wanted);
    }
    if (lock.doubtfulLease != 0) {
      key.append('d').append(lock.doubtfulLease - lock.lastLease);
    }
    if (lock.timer != 0) {
      key.append('t').append(lock.timer - lock.lastTimer);
    }
    if (lock.state == State.DRAINING) {
      key.append('s').append(lock.drainStarts);
    }
    lock.operations.appendKey(key, lock.cycles.current());
    lock.cycles.appendKey(key);
    return key.toString();
  }
}
