package io.lockstep.lockd.posix;

/**
 * Immutable. The decisions of the lock table that are easily made wrong, apart from its
 * bookkeeping, so that a test can show what each is for by changing it. Production has one set.
 */
class FileLockRules {
  static final FileLockRules PRODUCTION = new FileLockRules();

  /** Whether two owners may not have these on the same byte. */
  boolean conflicts(boolean oneWrites, boolean otherWrites) {
    return oneWrites || otherWrites;
  }

  /** Whether the bytes of a lock that lie outside of what is set or unlocked stay locked. */
  boolean keepsRest() {
    return true;
  }

  /** Whether one who was told that it waits no more is out of the queue. */
  boolean cancelRemovesWaiter() {
    return true;
  }

  /** Whether an operation that was answered is not executed again. */
  boolean isOnce() {
    return true;
  }

  /** Whether a wait that would close a circle is refused. */
  boolean refusesCircles() {
    return true;
  }

  /** Whether the end of a session takes its locks. */
  boolean endTakesLocks() {
    return true;
  }

  /** P5: whether locks that nobody held before wait until all have told theirs. */
  boolean waitsForGrace() {
    return true;
  }
}
