package io.lockstep.replication.client;

import java.util.Map;
import java.util.TreeMap;

/**
 * Confined to the replication agent. Which writes of one inode, received by all members, are known
 * to be durable.
 *
 * <p>Until then they live in the memory of the members that were in step at that epoch. When the
 * set opens anew with none of those left in step (P3), they may be gone, and a sync of the members
 * that are there now would say OK to nothing.
 */
final class DurableWrites {
  private long done;
  private long synced;
  private long timesSynced;

  /** By epoch: the newest write that was done at it and may not be durable. */
  private final TreeMap<Long, Long> unsynced = new TreeMap<>();

  private boolean syncedSinceGrant;

  /** What others wrote before may not be durable yet. */
  void onGranted() {
    syncedSinceGrant = false;
  }

  /** A write is on all members of that epoch. */
  void onWritten(long epoch) {
    done++;
    unsynced.merge(epoch, done, Math::max);
  }

  /**
   * The same, and they have synced it before they answered, with all that was done before it was
   * sent. What was done meanwhile they may have received after that sync.
   *
   * @param doneBefore how many writes were done when it was sent
   * @param times with the times of the writes
   */
  void onWrittenDurably(long doneBefore, boolean times) {
    boolean isNext = done == doneBefore;
    done++;
    onSynced(isNext ? done : doneBefore, times);
  }

  /** How many writes are done. */
  long done() {
    return done;
  }

  /**
   * All members have synced what was done by then, also what others wrote before.
   *
   * @param times with the times of the writes
   */
  void onSynced(long upTo, boolean times) {
    syncedSinceGrant = true;
    onOwnSynced(upTo);
    timesSynced = times ? Math.max(timesSynced, upTo) : timesSynced;
  }

  /** The same for the data that this mount wrote. */
  void onOwnSynced(long upTo) {
    synced = Math.max(synced, upTo);
    unsynced.values().removeIf(newest -> newest <= upTo);
  }

  /** Every own write is durable. */
  boolean isOwnSynced() {
    return synced >= done;
  }

  /** A sync would do nothing. */
  boolean isSynced(boolean times) {
    return isOwnSynced() && syncedSinceGrant && (!times || timesSynced >= done);
  }

  /** The set opened anew at this epoch. True if writes may be gone with that: tells once. */
  boolean onOpenedAnew(long openedEpoch) {
    Map<Long, Long> gone = unsynced.headMap(openedEpoch, false);
    boolean any = !gone.isEmpty();
    gone.clear();
    return any;
  }
}
