package io.lockstep.replication.marks;

import io.lockstep.core.Token;
import org.jspecify.annotations.Nullable;

/**
 * Immutable. A write may be in flight on this object: it stands no later than the data it speaks of
 * (I5).
 *
 * @param token of the lease under which the write came
 * @param cycle of that lease; a clear names exactly one (P7)
 * @param layer the generation of objects that takes the write; 0 is the head
 */
public record DirtyMark(Token token, long cycle, int layer) {
  /** Whether this is exactly the mark of that cycle. */
  public boolean names(Token otherToken, long otherCycle) {
    return token.equals(otherToken) && cycle == otherCycle;
  }

  /** The newer of two, each of which may be missing. */
  public static @Nullable DirtyMark newer(@Nullable DirtyMark one, @Nullable DirtyMark other) {
    if (one == null || other == null) {
      return one == null ? other : one;
    }
    return one.isOlderThan(other.token, other.cycle) ? other : one;
  }

  /** Whether a write of that cycle has to renew this mark. */
  boolean isOlderThan(Token otherToken, long otherCycle) {
    int byToken = token.compareTo(otherToken);
    return byToken != 0 ? byToken < 0 : Long.compareUnsigned(cycle, otherCycle) < 0;
  }
}
