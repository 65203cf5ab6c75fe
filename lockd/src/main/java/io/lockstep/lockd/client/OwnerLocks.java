package io.lockstep.lockd.client;

import io.lockstep.lockd.posix.LockedRanges;
import io.lockstep.lockd.posix.LockedRanges.Piece;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Confined to the agent of its {@link FileLocks}. What one owner has on one file. Two threads of it
 * may lock and unlock at once, and lockd's answers come in any order: each change is laid at its
 * {@link Moment}, and all are applied in that order.
 *
 * <pre>
 *   base             | later: executed, and begun (~)                 | what is held
 *   WRITE [0,10)     | unlock@7  lock@8  read~8                        | READ [0,10)
 *                    | older than all that is under way: joins base   |
 * </pre>
 *
 * <p>What is under way may be executed already, and somebody else may have what it gave up. So a
 * new lockd is told of what is left behind it; but what is queued takes nothing but by its end.
 */
final class OwnerLocks {
  /**
   * @param isCertain lockd has said so, else it may be so
   */
  private record Change(LockOperation operation, boolean isCertain) {
    void applyTo(LockedRanges ranges) {
      LockSpec spec = operation.spec;
      if (!operation.isLock()) {
        ranges.clear(spec.start(), spec.end());
      } else if (isCertain) {
        if (spec.flock()) {
          ranges.clear(0, Long.MAX_VALUE);
        }
        ranges.set(new Piece(spec.start(), spec.end(), operation.isWrite(), spec.pid()));
      } else if (spec.flock()) {
        // Lockd lets go of the old one first, as Linux does, whatever becomes of the new one.
        if (ranges.pieces().stream().anyMatch(piece -> piece.write() != operation.isWrite())) {
          ranges.clear(0, Long.MAX_VALUE);
        }
      } else if (operation.mayShare()) {
        ranges.share(spec.start(), spec.end());
      }
    }
  }

  private final LockedRanges base = new LockedRanges();
  private final TreeMap<Moment, Change> later = new TreeMap<>();
  private final List<LockOperation> underWay = new ArrayList<>();
  private final Set<Long> handles = new HashSet<>();
  private LockedRanges now = base;
  private Moment lastLocked = Moment.FIRST;
  private Moment takenAt = Moment.FIRST;

  boolean isHeld() {
    return !now.isEmpty();
  }

  boolean isOver() {
    return now.isEmpty() && underWay.isEmpty();
  }

  int size() {
    return now.size();
  }

  Collection<Piece> pieces() {
    return now.pieces();
  }

  /** The descriptors through which it was locked. */
  Set<Long> handles() {
    return Set.copyOf(handles);
  }

  /** True if what is held was locked through this one alone. */
  boolean removeHandle(long handle) {
    return handles.remove(handle) && handles.isEmpty();
  }

  /** From now on it may be executed. */
  void begin(LockOperation operation) {
    underWay.add(operation);
    await(operation);
  }

  /** It was in the queue at that moment. */
  void onQueued(LockOperation operation, Moment at) {
    operation.queued = true;
    later.remove(operation.since);
    operation.since = at.before(operation.id);
    await(operation);
  }

  private void await(LockOperation operation) {
    if (operation.mayTake()) {
      later.put(operation.since, new Change(operation, false));
    }
    apply();
  }

  /** False if what it locked was taken by force before this answer came. */
  boolean onExecuted(LockOperation operation, Moment at) {
    boolean stands = at.compareTo(takenAt) > 0;
    if (stands) {
      later.put(at, new Change(operation, true));
    }
    if (stands && operation.isLock()) {
      handles.add(operation.handle);
      lastLocked = lastLocked.max(at);
    }
    onEnded(operation);
    return stands || !operation.isLock();
  }

  /** It is under way no more; if it was not executed, nothing has changed. */
  void onEnded(LockOperation operation) {
    underWay.remove(operation);
    later.remove(operation.since);
    apply();
  }

  /** Whether something was locked after that moment. */
  boolean isLockedBehind(Moment at) {
    return lastLocked.compareTo(at) > 0;
  }

  /** What was locked up to that moment was taken by force, and nothing was locked behind it. */
  void onTaken(Moment at) {
    takenAt = takenAt.max(at);
    forget();
  }

  /** Nothing is held, whatever was executed. */
  void forget() {
    base.clear(0, Long.MAX_VALUE);
    later.clear();
    apply();
  }

  /** As a new lockd is told; what had less told of it because of what is under way is noted. */
  Collection<Piece> tell() {
    LockedRanges certain = replay(false);
    for (LockOperation operation : underWay) {
      operation.hasShared |=
          operation.mayShare()
              && certain.overlapping(operation.spec.start(), operation.spec.end()).stream()
                  .anyMatch(Piece::write);
    }
    return pieces();
  }

  private void apply() {
    Collection<Change> settled = settled().values();
    settled.forEach(change -> change.applyTo(base));
    settled.clear();
    now = later.isEmpty() ? base : replay(true);
    if (now.isEmpty()) {
      handles.clear();
    }
  }

  /** Whatever comes now belongs behind these. What is being let go of is never taken back. */
  private SortedMap<Moment, Change> settled() {
    return underWay.stream()
        .min(Comparator.comparing(it -> it.since))
        .map(oldest -> later.headMap(oldest.since, !oldest.isLock()))
        .orElse(later);
  }

  private LockedRanges replay(boolean uncertain) {
    LockedRanges ranges = new LockedRanges();
    base.pieces().forEach(ranges::set);
    for (Change change : later.values()) {
      if (change.isCertain || uncertain) {
        change.applyTo(ranges);
      }
    }
    return ranges;
  }
}
