package io.lockstep.replication.registry;

import io.lockstep.core.Check;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Confined to the control agent. One run of the background verify: lists the registry, lists the
 * disk, decides, lists both a second time to confirm, and only then acts, record by record, by
 * compare-and-act (I6).
 *
 * <p>What others create or delete meanwhile changes only those records: every other suspicion is
 * still acted on, so that churn cannot starve it.
 */
public class Verify {
  /** What is out of step between registry and disk. */
  public enum Kind {
    /** A directory that no record speaks of: it goes to quarantine. */
    STRAY,
    /** A LIVE record whose directory is gone: reported, refused, never made anew. */
    LOST
  }

  /**
   * Immutable. One suspicion.
   *
   * @param epoch of the record that was seen; 0 = none
   * @param listedAt the registry's last epoch when it was listed
   */
  public record Suspicion(Kind kind, long set, long epoch, long listedAt) {}

  /** Where a run stands. */
  private enum State {
    REGISTRY,
    DISK,
    REGISTRY_AGAIN,
    DISK_AGAIN,
    DECIDED
  }

  private State state = State.REGISTRY;
  private Map<Long, ReplicaRecord> listed = Map.of();
  private long listedAt;
  private List<Suspicion> suspicions = List.of();

  public Verify() {}

  /** The registry, listed before the disk: what is created in between is no stray. */
  public void onRegistryListed(Collection<ReplicaRecord> records, long lastEpoch) {
    Check.that(state == State.REGISTRY || state == State.REGISTRY_AGAIN, "listed in %s", state);
    listed = new TreeMap<>();
    records.forEach(record -> listed.put(record.set(), record));
    listedAt = lastEpoch;
    state = state == State.REGISTRY ? State.DISK : State.DISK_AGAIN;
  }

  /** The sets that have a directory. True if the lists must be made once more to confirm. */
  public boolean onDiskListed(Collection<Long> directories) {
    Check.that(state == State.DISK || state == State.DISK_AGAIN, "disk listed in %s", state);
    List<Suspicion> found = decide(new HashSet<>(directories));
    if (state == State.DISK) {
      suspicions = found;
      state = found.isEmpty() ? State.DECIDED : State.REGISTRY_AGAIN;
      return !found.isEmpty();
    }
    suspicions = confirmed(found);
    state = State.DECIDED;
    return false;
  }

  /** Those suspicions that may be acted on now. */
  public List<Suspicion> onApply(ReplicaRegistry registry) {
    Check.that(state == State.DECIDED, "applied in %s", state);
    return suspicions.stream().filter(suspicion -> holds(registry, suspicion)).toList();
  }

  /** Compare-and-act. */
  protected boolean holds(ReplicaRegistry registry, Suspicion suspicion) {
    return registry.isUnchanged(suspicion.set(), suspicion.epoch(), suspicion.listedAt());
  }

  /** Whether a record without a directory is a suspicion. */
  protected boolean judges(ReplicaRecord record) {
    return record.state().isSettled();
  }

  private List<Suspicion> decide(Set<Long> directories) {
    List<Suspicion> found = new ArrayList<>();
    for (ReplicaRecord record : listed.values()) {
      if (judges(record) && !directories.contains(record.set())) {
        found.add(new Suspicion(Kind.LOST, record.set(), record.epoch(), listedAt));
      }
    }
    for (long set : directories) {
      if (!listed.containsKey(set)) {
        found.add(new Suspicion(Kind.STRAY, set, 0, listedAt));
      }
    }
    return found;
  }

  /** What both passes saw of the same record. */
  private List<Suspicion> confirmed(List<Suspicion> second) {
    List<Suspicion> both = new ArrayList<>();
    for (Suspicion now : second) {
      boolean before =
          suspicions.stream()
              .anyMatch(
                  s -> s.kind() == now.kind() && s.set() == now.set() && s.epoch() == now.epoch());
      if (before) {
        both.add(now);
      }
    }
    return both;
  }
}
