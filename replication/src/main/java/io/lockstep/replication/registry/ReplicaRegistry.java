package io.lockstep.replication.registry;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Confined to the control agent. The records of a daemon's replicas and every step that they take.
 *
 * <p>Each change gives the record an epoch that no other change had. Whoever decides by an
 * observation acts by compare-and-act: only if the record, or its absence, is the one observed
 * (I6). The caller makes a record that a method returns durable before it does what comes next.
 */
public class ReplicaRegistry {
  /** A failure that repeats unchanged is not tried again at once (I7). */
  static final int SAME_FAILURES_MAX = 3;

  private static final long BACKOFF_MIN_NS = 1_000_000_000L;
  private static final long BACKOFF_MAX_NS = 60_000_000_000L;

  /** What an ensure leads to. */
  public sealed interface Ensure {
    /** The replica is there. */
    record Reuse(ReplicaRecord record) implements Ensure {}

    /** Somebody is creating it: wait for the end. */
    record Join(ReplicaRecord record) implements Ensure {}

    /** Create it: this record is RESERVED. */
    record Create(ReplicaRecord record) implements Ensure {}

    record Refuse(ErrorCode code, String reason) implements Ensure {}
  }

  private record Failures(String reason, int count, long notBeforeNs) {}

  private final Map<Long, ReplicaRecord> records = new TreeMap<>();

  /** Epoch of the change that removed a record, so that its absence can be compared too. */
  private final Map<Long, Long> removedAt = new HashMap<>();

  private final Map<Long, Failures> failures = new HashMap<>();
  private long lastEpoch;

  public ReplicaRegistry() {}

  /** What was durable when the daemon started. */
  public void onOpened(Collection<ReplicaRecord> stored) {
    Check.that(records.isEmpty(), "the registry is open already: %s", records);
    for (ReplicaRecord record : stored) {
      records.put(record.set(), record);
      lastEpoch = Math.max(lastEpoch, record.epoch());
    }
  }

  public @Nullable ReplicaRecord record(long set) {
    return records.get(set);
  }

  public List<ReplicaRecord> records() {
    return List.copyOf(records.values());
  }

  /** The epoch of the last change: what a listing is stamped with. */
  public long lastEpoch() {
    return lastEpoch;
  }

  /** Get it, or say what must be done to get it; the same call is repeated until it is LIVE. */
  public Ensure onEnsure(long set, long volume, long nowNs) {
    ReplicaRecord record = records.get(set);
    if (record != null) {
      return switch (record.state()) {
        case LIVE -> new Ensure.Reuse(record);
        case RESERVED, CREATING -> new Ensure.Join(record);
        case DELETING -> new Ensure.Refuse(ErrorCode.BUSY, "the replica is being deleted");
      };
    }
    Failures failed = failures.get(set);
    if (failed != null && failed.count() >= SAME_FAILURES_MAX && nowNs - failed.notBeforeNs() < 0) {
      return new Ensure.Refuse(
          ErrorCode.BUSY,
          "creating it failed " + failed.count() + " times, waiting: " + failed.reason());
    }
    return new Ensure.Create(put(new ReplicaRecord(set, volume, ReplicaState.RESERVED, 0, false)));
  }

  /** The directory is going to be made. */
  public ReplicaRecord onCreating(long set) {
    return become(set, ReplicaState.CREATING);
  }

  /** The directory is whole and durable. */
  public ReplicaRecord onCreated(long set) {
    failures.remove(set);
    return become(set, ReplicaState.LIVE);
  }

  /** Nothing of the try is left, or what is left is in quarantine. */
  public void onCreateFailed(long set, String reason, long nowNs) {
    Failures before = failures.get(set);
    int count = before != null && before.reason().equals(reason) ? before.count() + 1 : 1;
    int doublings = Math.max(0, Math.min(10, count - SAME_FAILURES_MAX));
    long backoffNs = Math.min(BACKOFF_MAX_NS, BACKOFF_MIN_NS << doublings);
    failures.put(set, new Failures(reason, count, nowNs + backoffNs));
    remove(set);
  }

  /** Null if there is nothing to delete, or somebody is creating or deleting it. */
  public @Nullable ReplicaRecord onDelete(long set) {
    ReplicaRecord record = records.get(set);
    return record == null || !record.state().isSettled()
        ? null
        : become(set, ReplicaState.DELETING);
  }

  /** The directory is gone. */
  public void onDeleted(long set) {
    remove(set);
  }

  /** The replica is in step: from now on marks say all that it may miss. Null if known. */
  public @Nullable ReplicaRecord onWhole(long set) {
    ReplicaRecord record = records.get(set);
    if (record == null || record.whole()) {
      return null;
    }
    return put(new ReplicaRecord(set, record.volume(), record.state(), record.epoch(), true));
  }

  /** Why the last creations failed, or null. */
  public @Nullable String failure(long set) {
    Failures failed = failures.get(set);
    return failed == null ? null : failed.reason();
  }

  /**
   * Whether an observation still holds: the record of the replica has this epoch, or, with {@code
   * epoch} 0, there was none when the registry was listed at {@code listedAt} and none came or went
   * since.
   */
  public boolean isUnchanged(long set, long epoch, long listedAt) {
    ReplicaRecord record = records.get(set);
    if (record != null) {
      return record.epoch() == epoch;
    }
    return epoch == 0 && removedAt.getOrDefault(set, 0L) <= listedAt;
  }

  /** Forgets removals that no listing in progress can have missed. */
  public void onNoListingInProgress() {
    removedAt.clear();
  }

  private ReplicaRecord become(long set, ReplicaState next) {
    ReplicaRecord record = records.get(set);
    Check.that(record != null, "replica %x has no record to become %s", set, next);
    Check.that(record.state().mayBecome(next), "replica %x: %s -> %s", set, record.state(), next);
    return put(new ReplicaRecord(set, record.volume(), next, 0, record.whole()));
  }

  private ReplicaRecord put(ReplicaRecord record) {
    lastEpoch++;
    ReplicaRecord changed =
        new ReplicaRecord(record.set(), record.volume(), record.state(), lastEpoch, record.whole());
    records.put(record.set(), changed);
    return changed;
  }

  private void remove(long set) {
    Check.that(records.remove(set) != null, "replica %x has no record to remove", set);
    lastEpoch++;
    removedAt.put(set, lastEpoch);
  }
}
