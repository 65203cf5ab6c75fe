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
        !stable || owned || lock.timer.isArmed() || lock.drain.isReleasing(),
        "held without owners, timer or release: %s",
        lock);
    Check.that(!stable || lock.held.isHeld(), "nothing held: %s", lock);
    Check.that(lock.state != State.PARKED || !owned, "parked with owners: %s", lock);
    Check.that(lock.state != State.PARKED || !waiting, "parked, some wait: %s", lock);
    Check.that(lock.state != State.ACTIVE || owned, "active without owners: %s", lock);
    Check.that(lock.state != State.DRAINING || owned, "drained, not released: %s", lock);
    boolean going = lock.state == State.DRAINING || lock.state == State.RELEASING;
    Check.that(
        lock.drain.isReleasing() == going, "release is %s: %s", lock.drain.isReleasing(), lock);
    Check.that(going || !lock.operations.hasFrozen(), "frozen without a release: %s", lock);
    Check.that(
        lock.state != State.IDLE || (!lock.held.isHeld() && !waiting),
        "idle with leftovers: %s",
        lock);
    Check.that(lock.held.isHeld() || !owned, "owners without a lease: %s", lock);
    Check.that(
        !lock.timer.isArmed() || lock.state == State.PARKED || lock.state == State.DRAINING,
        "timer: %s",
        lock);
    if (lock.held.isHeld()) {
      Owner uncovered = lock.operations.uncovered(lock.held.mode());
      Check.that(uncovered == null, "%s is not covered: %s", uncovered, lock);
    }
  }

  static String describe(EagerLock lock) {
    return String.format(
        "%s lease=%d held=%s/%d token=%s epoch=%d wanted=%s flags=%s timer=%d drain=%d %s cycle=%s",
        lock.state,
        lock.asked.id(),
        lock.held.mode(),
        lock.held.id(),
        lock.held.token(),
        lock.held.epoch(),
        lock.asked.mode(),
        flags(lock),
        lock.timer.armed(),
        lock.drain.starts(),
        lock.operations,
        lock.cycles);
  }

  private static String flags(EagerLock lock) {
    return (lock.drain.isReleasing() ? "R" : "-")
        + (lock.asked.isRecalledEarly() ? "E" : "-")
        + (lock.asked.isSharedRecalled() ? "S" : "-")
        + (lock.held.isClean() ? "C" : "-")
        + (lock.held.isLost() ? "L" : "-")
        + (lock.drain.isOver() ? "O" : "-");
  }

  static String key(EagerLock lock) {
    StringBuilder key = new StringBuilder(96);
    key.append(lock.state).append(flags(lock)).append(lock.held.epoch()).append(lock.held.mode());
    if (lock.held.isHeld()) {
      key.append(lock.held.id() - lock.asked.id());
    }
    if (lock.state == State.ACQUIRING) {
      key.append(lock.asked.mode());
    }
    if (lock.asked.doubtful() != 0) {
      key.append('d').append(lock.asked.doubtful() - lock.asked.id());
    }
    if (lock.timer.isArmed()) {
      key.append('t').append(lock.timer.armed() - lock.timer.last());
    }
    if (lock.state == State.DRAINING) {
      key.append('s').append(lock.drain.starts());
    }
    lock.operations.appendKey(key, lock.cycles.current());
    lock.cycles.appendKey(key);
    return key.toString();
  }
}
