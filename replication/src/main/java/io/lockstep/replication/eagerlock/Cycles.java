package io.lockstep.replication.eagerlock;

import io.lockstep.core.Check;

/**
 * Confined to its {@link EagerLock}. Counts the transactions of each cycle, so that the last one is
 * known. Two cycles at most are of interest: the one that transactions start in, and the one before
 * until its post-op is done. Cycle numbers rise for ever, over leases too.
 *
 * <p>Where a method returns a cycle, that cycle's post-op is to start now; 0 = none.
 */
final class Cycles {
  private long current = 1;
  private int currentRunning;
  private boolean currentWritten;

  /** Ended, as long as its transactions run or its post-op is on its way; 0 = none. */
  private long ended;

  private int endedRunning;

  /** Another post-op was asked for while one is on its way. */
  private boolean wanted;

  Cycles() {}

  Cycles(Cycles from) {
    current = from.current;
    currentRunning = from.currentRunning;
    currentWritten = from.currentWritten;
    ended = from.ended;
    endedRunning = from.endedRunning;
    wanted = from.wanted;
  }

  /** A transaction starts; returns its cycle. */
  long start() {
    currentRunning++;
    currentWritten = true;
    return current;
  }

  /**
   * A transaction of that cycle is done.
   *
   * @param clean false: settling will clear the mark, no post-op is needed
   */
  long done(long cycle, boolean clean) {
    if (cycle == current) {
      currentRunning--;
      return 0;
    }
    Check.that(cycle == ended, "cycle %d is not running: %s", cycle, this);
    endedRunning--;
    if (endedRunning > 0) {
      return 0;
    }
    if (clean) {
      return ended;
    }
    ended = 0;
    return 0;
  }

  /** Ends the current cycle, unless nothing was written in it; later, if one has ended already. */
  long end() {
    if (!currentWritten) {
      return 0;
    }
    if (ended != 0) {
      wanted = true;
      return 0;
    }
    ended = current;
    endedRunning = currentRunning;
    current++;
    currentRunning = 0;
    currentWritten = false;
    return endedRunning == 0 ? ended : 0;
  }

  /** Whether that post-op was the one on its way; if so, and another was asked for, true. */
  boolean postOpDone(long cycle) {
    if (cycle != ended || endedRunning > 0) {
      return false;
    }
    ended = 0;
    boolean again = wanted;
    wanted = false;
    return again;
  }

  /** The lease goes: nothing runs any more, and what comes next is another lease's. */
  long close(boolean clean) {
    long last = currentWritten && clean ? current : 0;
    Check.that(currentRunning == 0, "closed under its transactions: %s", this);
    current++;
    currentWritten = false;
    ended = 0;
    endedRunning = 0;
    wanted = false;
    return last;
  }

  long current() {
    return current;
  }

  /** See {@link EagerLock#key}. */
  void appendKey(StringBuilder key) {
    key.append('c').append(currentRunning).append(currentWritten ? 'W' : '-');
    if (ended != 0) {
      key.append(ended - current).append('/').append(endedRunning).append(wanted ? 'A' : '-');
    }
  }

  @Override
  public String toString() {
    return String.format(
        "%d/%d/%s ended=%d/%d/%s",
        current, currentRunning, currentWritten, ended, endedRunning, wanted);
  }
}
