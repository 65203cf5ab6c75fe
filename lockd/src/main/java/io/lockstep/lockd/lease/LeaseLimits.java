package io.lockstep.lockd.lease;

import io.lockstep.core.Check;
import io.lockstep.core.Times;

/**
 * Immutable. Times and bounds of a lease table (I10).
 *
 * @param graceNs reclaims are awaited this long after a start
 * @param recallPauseNs first pause between two pushes of a recall or query; doubles
 * @param recallPauseMaxNs longest pause between two pushes
 * @param recallLimitNs a holder that does not let go for so long loses its session
 * @param settlePauseNs first pause before a failed settle or sweep is tried again; doubles
 * @param settlePauseMaxNs longest such pause
 * @param endedKeptNs ids of ended leases are remembered this long (P4): longer than a message can
 *     be delayed
 * @param endedMax at most so many of them; the oldest go first
 * @param waitersPerInodeMax queue of one inode; more is BUSY
 * @param waitersMax all queues; more is BUSY
 * @param leasesMax leases granted; more is BUSY
 * @param condemnedMax condemned inodes remembered, until the master's log knows them as collected
 */
public record LeaseLimits(
    long graceNs,
    long recallPauseNs,
    long recallPauseMaxNs,
    long recallLimitNs,
    long settlePauseNs,
    long settlePauseMaxNs,
    long endedKeptNs,
    int endedMax,
    int waitersPerInodeMax,
    int waitersMax,
    int leasesMax,
    int condemnedMax) {

  public LeaseLimits {
    Check.that(graceNs >= 0, "grace of %d ns", graceNs);
    Check.that(0 < recallPauseNs && recallPauseNs <= recallPauseMaxNs, "recall pauses");
    Check.that(0 < settlePauseNs && settlePauseNs <= settlePauseMaxNs, "settle pauses");
    Check.that(waitersPerInodeMax > 0 && waitersMax > 0 && leasesMax > 0, "bounds");
  }

  /** The production limits under these times. */
  public static LeaseLimits of(Times times) {
    return new LeaseLimits(
        times.graceNs(),
        ms(100),
        ms(1_000),
        2 * times.operationNs(),
        ms(100),
        ms(1_000),
        2 * times.operationNs(),
        200_000,
        4_096,
        100_000,
        400_000,
        65_536);
  }

  public LeaseLimits withRecallLimitNs(long limitNs) {
    return new LeaseLimits(
        graceNs,
        recallPauseNs,
        recallPauseMaxNs,
        limitNs,
        settlePauseNs,
        settlePauseMaxNs,
        endedKeptNs,
        endedMax,
        waitersPerInodeMax,
        waitersMax,
        leasesMax,
        condemnedMax);
  }

  private static long ms(long count) {
    return count * 1_000_000;
  }
}
