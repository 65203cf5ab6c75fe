package io.lockstep.lockd.posix;

import io.lockstep.core.Check;
import io.lockstep.core.Times;

/**
 * Immutable. Times and bounds of a lock table (I10).
 *
 * @param graceNs reclaims are awaited this long after a start
 * @param waitLifeNs one who waits and does not repeat its request for so long is forgotten
 * @param locksMax ranges of all owners together; more is ENOLCK
 * @param waitersMax of all files; more is ENOLCK
 */
public record FileLockLimits(long graceNs, long waitLifeNs, int locksMax, int waitersMax) {
  public FileLockLimits {
    Check.that(graceNs >= 0 && waitLifeNs > 0, "times %d and %d", graceNs, waitLifeNs);
    Check.that(locksMax > 0 && waitersMax > 0, "bounds");
  }

  /** The production limits under these times. */
  public static FileLockLimits of(Times times) {
    return new FileLockLimits(times.graceNs(), times.operationNs(), 400_000, 100_000);
  }
}
