package io.lockstep.lockd.posix;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Confined to its owner. The bytes that one owner has locked in one file: pieces that do not
 * overlap, cut and joined as POSIX says. A byte has one type of lock at a time, the latest.
 *
 * <pre>
 *   READ  [0,10)                      READ [0,3) WRITE [3,6) READ [6,10)
 *   set WRITE [3,6)            --->
 *   set READ [3,6)             --->   READ [0,10)
 *   clear [4,5)                --->   READ [0,4) READ [5,10)
 * </pre>
 */
public final class LockedRanges {
  /**
   * Immutable. Bytes {@code start <= x < end} locked in one way.
   *
   * @param end Long.MAX_VALUE = to the end of all files
   * @param pid the process that locked, for F_GETLK
   */
  public record Piece(long start, long end, boolean write, int pid) {
    boolean overlaps(long otherStart, long otherEnd) {
      return start < otherEnd && otherStart < end;
    }

    private Piece between(long newStart, long newEnd) {
      return new Piece(newStart, newEnd, write, pid);
    }
  }

  private final FileLockRules rules;
  private final TreeMap<Long, Piece> pieces = new TreeMap<>();

  public LockedRanges() {
    this(FileLockRules.PRODUCTION);
  }

  LockedRanges(FileLockRules rules) {
    this.rules = rules;
  }

  public boolean isEmpty() {
    return pieces.isEmpty();
  }

  public int size() {
    return pieces.size();
  }

  /** In order of their bytes. */
  public Collection<Piece> pieces() {
    return pieces.values();
  }

  /** Locks these bytes in this way, whatever they were. */
  public void set(Piece added) {
    clear(added.start, added.end);
    Piece joined = added;
    Map.Entry<Long, Piece> before = pieces.lowerEntry(added.start);
    if (before != null && isJoint(before.getValue(), added)) {
      pieces.remove(before.getKey());
      joined = joined.between(before.getValue().start, joined.end);
    }
    Piece after = pieces.get(added.end);
    if (after != null && isJoint(added, after)) {
      pieces.remove(after.start);
      joined = joined.between(joined.start, after.end);
    }
    pieces.put(joined.start, joined);
  }

  /** Unlocks these bytes. */
  public void clear(long start, long end) {
    for (Piece piece : overlapping(start, end)) {
      pieces.remove(piece.start);
      if (piece.start < start && rules.keepsRest()) {
        pieces.put(piece.start, piece.between(piece.start, start));
      }
      if (piece.end > end && rules.keepsRest()) {
        pieces.put(end, piece.between(end, piece.end));
      }
    }
  }

  /** What is locked alone in these bytes is shared from now on. */
  public void share(long start, long end) {
    for (Piece piece : overlapping(start, end)) {
      if (piece.write) {
        long from = Math.max(start, piece.start);
        set(new Piece(from, Math.min(end, piece.end), false, piece.pid));
      }
    }
  }

  /** A copy: the pieces that have a byte of these. */
  public List<Piece> overlapping(long start, long end) {
    List<Piece> found = new ArrayList<>();
    Map.Entry<Long, Piece> first = pieces.floorEntry(start);
    for (Piece piece : pieces.tailMap(first == null ? start : first.getKey()).values()) {
      if (piece.start >= end) {
        break;
      }
      if (piece.overlaps(start, end)) {
        found.add(piece);
      }
    }
    return found;
  }

  private static boolean isJoint(Piece before, Piece after) {
    return before.end == after.start && before.write == after.write;
  }
}
