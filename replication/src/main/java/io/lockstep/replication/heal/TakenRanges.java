package io.lockstep.replication.heal;

import io.lockstep.core.Check;
import io.lockstep.core.Token;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Confined to the disk agent of its object. The ranges of one object that were taken from clients
 * since the member adopted its configuration as WO: heal never overwrites them (P10).
 *
 * <p>A truncate to {@code n} takes everything from {@code n} on: what lies there is the client's
 * word. Ranges do not touch or overlap.
 */
public final class TakenRanges {
  private final TreeMap<Long, Long> endByStart = new TreeMap<>();
  private Token token = Token.NONE;
  private long sizeMin;

  /** A client of this lease changed something here, bytes or only marks. */
  public void touch(Token by) {
    if (token.isOlderThan(by)) {
      token = by;
    }
  }

  /** Whether a client changed anything, bytes or marks. */
  public boolean isTouched() {
    return !token.equals(Token.NONE);
  }

  /** The newest token under which something was taken. */
  public Token token() {
    return token;
  }

  /** A client wrote these bytes, so the object reaches at least to their end. */
  public void add(long from, long to) {
    cover(from, to);
    if (from < to) {
      extend(to);
    }
  }

  /** A client made these bytes zero, as far as the object reaches. */
  public void zero(long from, long to) {
    cover(from, to);
  }

  /** A client made the object at least this long; which bytes that added is not known here. */
  public void extend(long size) {
    sizeMin = Math.max(sizeMin, size);
  }

  private void cover(long from, long to) {
    Check.that(0 <= from && from <= to, "taken range [%d, %d)", from, to);
    if (from == to) {
      return;
    }
    long start = from;
    long end = to;
    Map.Entry<Long, Long> before = endByStart.floorEntry(from);
    if (before != null && before.getValue() >= from) {
      start = before.getKey();
      end = Math.max(end, before.getValue());
    }
    for (Map.Entry<Long, Long> next = endByStart.ceilingEntry(start);
        next != null && next.getKey() <= end;
        next = endByStart.higherEntry(start)) {
      end = Math.max(end, next.getValue());
      endByStart.remove(next.getKey());
    }
    endByStart.put(start, end);
  }

  /** A client cut or extended the object to {@code size}. */
  public void truncate(long size) {
    cover(size, Long.MAX_VALUE);
  }

  /** Whether a client truncated: the size of the object is the client's word then. */
  public boolean isTruncated() {
    return !endByStart.isEmpty() && endByStart.lastEntry().getValue() == Long.MAX_VALUE;
  }

  /** What clients made the object reach at least; means nothing once it was truncated. */
  public long sizeMin() {
    return sizeMin;
  }

  /** The parts of [from, to) that were not taken, in order. */
  public List<Range> gaps(long from, long to) {
    List<Range> gaps = new ArrayList<>();
    long at = from;
    Map.Entry<Long, Long> range = endByStart.floorEntry(from);
    if (range == null) {
      range = endByStart.ceilingEntry(from);
    }
    while (at < to && range != null && range.getKey() < to) {
      if (range.getKey() > at) {
        gaps.add(new Range(at, range.getKey()));
      }
      at = Math.max(at, range.getValue());
      range = endByStart.higherEntry(range.getKey());
    }
    if (at < to) {
      gaps.add(new Range(at, to));
    }
    return gaps;
  }

  /** How many ranges are kept: what this costs. */
  public int count() {
    return endByStart.size();
  }

  /**
   * What was taken is superseded: its lease ended, so it is complete at the source, or its sender
   * was fenced there.
   */
  public void clear() {
    endByStart.clear();
    token = Token.NONE;
    sizeMin = 0;
  }
}
