package io.lockstep.replication.eagerlock;

/**
 * Immutable. The bytes {@code offset <= x < end} that an operation keeps from others of the same
 * client.
 */
public record Range(long offset, long end) {
  /** Overlaps nothing: what a read has, for it never waits for a write of its own mount. */
  public static final Range NONE = new Range(0, 0);

  /** Overlaps everything but NONE. */
  public static final Range ALL = new Range(0, Long.MAX_VALUE);

  public boolean isEmpty() {
    return offset >= end;
  }

  public boolean overlaps(Range other) {
    return offset < other.end && other.offset < end && !isEmpty() && !other.isEmpty();
  }
}
