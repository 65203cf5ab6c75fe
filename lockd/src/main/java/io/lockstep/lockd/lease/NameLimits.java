package io.lockstep.lockd.lease;

import io.lockstep.core.Times;

/**
 * Immutable. Times and bounds of directory leases (I10).
 *
 * @param graceNs sessions of a former term may hold leases for so long after a start
 * @param coolNs a directory that was recalled is not leased again for so long: two sessions that
 *     change and look in turn would only recall each other
 * @param recallPauseNs first pause between two pushes of a recall; doubles
 * @param recallPauseMaxNs longest such pause
 * @param recallLimitNs a holder that does not let go for so long loses its session
 * @param leasesMax leases granted; more are not
 * @param waitersMax changes that wait; more is BUSY
 * @param endedMax ended sessions remembered
 */
public record NameLimits(
    long graceNs,
    long coolNs,
    long recallPauseNs,
    long recallPauseMaxNs,
    long recallLimitNs,
    int leasesMax,
    int waitersMax,
    int endedMax) {

  /** The production limits under these times. */
  public static NameLimits of(Times times) {
    return new NameLimits(
        times.graceNs(), ms(50), ms(100), ms(1_000), times.leaseLifeNs(), 400_000, 16_384, 65_536);
  }

  private static long ms(long count) {
    return count * 1_000_000;
  }
}
