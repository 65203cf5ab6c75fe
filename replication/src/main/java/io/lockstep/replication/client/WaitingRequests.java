package io.lockstep.replication.client;

import io.lockstep.replication.eagerlock.Range;
import java.util.List;

/**
 * Immutable. The reads and writes of callers on one inode that wait for a lease. The kernel holds
 * locks on their pages until they are answered: on all of a read, which nobody can read before, and
 * on those that a write covers in part, unless they could be read already.
 */
public record WaitingRequests(List<Range> reads, List<Range> writes) {
  public static final WaitingRequests NONE = new WaitingRequests(List.of(), List.of());

  public WaitingRequests {
    reads = List.copyOf(reads);
    writes = List.copyOf(writes);
  }

  /**
   * Whether the kernel writes back pages of a shared mapping: it lets only one write(2) at a time
   * into a file.
   */
  boolean hasMappedPages() {
    return writes.size() > 1;
  }

  /** Whether some wait that did not then. */
  boolean hasOthersThan(WaitingRequests then) {
    return !then.reads.containsAll(reads) || !then.writes.containsAll(writes);
  }
}
