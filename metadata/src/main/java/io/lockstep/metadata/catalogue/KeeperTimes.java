package io.lockstep.metadata.catalogue;

import java.util.concurrent.TimeUnit;

/**
 * Immutable. The times of a {@link SetKeeper}.
 *
 * @param heardNs a daemon is heard if its last heartbeat is no older
 * @param gatherNs a closed set waits so long for the last of its members once enough are there
 * @param returnNs a member that failed while its daemon ran on returns after this; doubled each
 *     time
 * @param returnMaxNs at most this
 * @param resendNs an unanswered AdoptConfig is sent again after this
 */
public record KeeperTimes(
    long heardNs, long gatherNs, long returnNs, long returnMaxNs, long resendNs) {
  public static final KeeperTimes DEFAULT =
      new KeeperTimes(
          TimeUnit.SECONDS.toNanos(3),
          TimeUnit.SECONDS.toNanos(5),
          TimeUnit.SECONDS.toNanos(2),
          TimeUnit.SECONDS.toNanos(60),
          TimeUnit.SECONDS.toNanos(1));
}
