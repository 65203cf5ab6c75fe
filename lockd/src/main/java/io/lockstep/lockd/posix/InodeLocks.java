package io.lockstep.lockd.posix;

import io.lockstep.lockd.posix.LockRequest.Holder;
import io.lockstep.lockd.posix.LockedRanges.Piece;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Confined to its table. The locks of one kind on one file: who has which bytes, and who waits, in
 * order of coming. Who comes and conflicts with nobody's lock is not held up by those who wait.
 */
final class InodeLocks {
  /** One who waits. */
  static final class Wait {
    final LockRequest request;
    final long sinceNs;
    long deadlineNs;

    Wait(LockRequest request, long sinceNs, long deadlineNs) {
      this.request = request;
      this.sinceNs = sinceNs;
      this.deadlineNs = deadlineNs;
    }
  }

  private final FileLockRules rules;
  private final Map<Holder, LockedRanges> held = new LinkedHashMap<>();
  private final Set<Wait> queue = new LinkedHashSet<>();

  InodeLocks(FileLockRules rules) {
    this.rules = rules;
  }

  boolean isEmpty() {
    return held.isEmpty() && queue.isEmpty();
  }

  Map<Holder, LockedRanges> held() {
    return held;
  }

  Collection<Wait> queue() {
    return queue;
  }

  void enqueue(Wait wait) {
    queue.add(wait);
  }

  void dequeue(Wait wait) {
    queue.remove(wait);
  }

  /** Pieces that all holders have together. */
  int size() {
    return held.values().stream().mapToInt(LockedRanges::size).sum();
  }

  /** The first lock of somebody else that stands in the way, or null. */
  Conflict conflict(LockRequest request) {
    for (Map.Entry<Holder, LockedRanges> entry : held.entrySet()) {
      if (!entry.getKey().equals(request.holder())) {
        for (Piece piece : entry.getValue().overlapping(request.start(), request.end())) {
          if (rules.conflicts(piece.write(), request.writes())) {
            return new Conflict(entry.getKey(), piece);
          }
        }
      }
    }
    return null;
  }

  /** A lock in somebody's way. */
  record Conflict(Holder holder, Piece piece) {}

  /** Everybody whose locks stand in the way. */
  List<Holder> blockers(LockRequest request) {
    List<Holder> blockers = new ArrayList<>();
    held.forEach(
        (holder, ranges) -> {
          boolean blocks =
              !holder.equals(request.holder())
                  && ranges.overlapping(request.start(), request.end()).stream()
                      .anyMatch(piece -> rules.conflicts(piece.write(), request.writes()));
          if (blocks) {
            blockers.add(holder);
          }
        });
    return blockers;
  }

  void lock(LockRequest request) {
    held.computeIfAbsent(request.holder(), h -> new LockedRanges(rules)).set(request.piece());
  }

  void unlock(Holder holder, long start, long end) {
    LockedRanges ranges = held.get(holder);
    if (ranges != null) {
      ranges.clear(start, end);
      if (ranges.isEmpty()) {
        held.remove(holder);
      }
    }
  }

  /** Whether this holder has exactly that lock on all these bytes. */
  boolean has(LockRequest request) {
    LockedRanges ranges = held.get(request.holder());
    long at = request.start();
    if (ranges != null) {
      for (Piece piece : ranges.overlapping(request.start(), request.end())) {
        if (piece.start() <= at && piece.write() == request.writes()) {
          at = piece.end();
        }
      }
    }
    return at >= request.end();
  }

  /** The first in the queue whom nobody's lock stands in the way of, or null. */
  Wait firstFree() {
    for (Wait wait : queue) {
      if (conflict(wait.request) == null) {
        return wait;
      }
    }
    return null;
  }
}
