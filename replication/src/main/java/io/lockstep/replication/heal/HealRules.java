package io.lockstep.replication.heal;

import io.lockstep.core.Token;
import java.util.List;

/**
 * Immutable. What heal may do to an object that clients write meanwhile (P10). The protected
 * methods are the single decisions that tests change one at a time.
 */
public class HealRules {
  public static final HealRules DEFAULT = new HealRules();

  protected HealRules() {}

  /** The parts of a pulled range that may be written over the local bytes. */
  public final List<Range> writable(TakenRanges taken, long from, long to) {
    return yieldsToClients() ? taken.gaps(from, to) : List.of(new Range(from, to));
  }

  /**
   * The size that the local object gets. A client that truncated has the last word; bytes that
   * clients wrote behind the source's end are kept: the source will have them too.
   */
  public final long targetSize(TakenRanges taken, long localSize, long sourceSize) {
    if (!yieldsToClients()) {
      return sourceSize;
    }
    return taken.isTruncated() ? localSize : Math.max(sourceSize, taken.sizeMin());
  }

  /**
   * Whether what was taken no longer counts: the source knows a newer token, so the lease under
   * which it was taken has ended. Either all of it reached the source before (a clean end, or
   * settling), or its sender is fenced everywhere but here, and his late writes must go.
   */
  public final boolean isSuperseded(TakenRanges taken, Token newestAtSource) {
    return taken.isTouched() && taken.token().isOlderThan(newestAtSource);
  }

  /** P10. */
  protected boolean yieldsToClients() {
    return true;
  }
}
