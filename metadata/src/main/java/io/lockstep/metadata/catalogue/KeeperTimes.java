package io.lockstep.metadata.catalogue;

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
  private static final long SECOND_NS = 1_000_000_000L;

  public static final KeeperTimes DEFAULT =
      new KeeperTimes(3 * SECOND_NS, 5 * SECOND_NS, 2 * SECOND_NS, 60 * SECOND_NS, SECOND_NS);
}
