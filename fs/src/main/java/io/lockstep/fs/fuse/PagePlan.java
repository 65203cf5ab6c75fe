package io.lockstep.fs.fuse;

import io.lockstep.replication.client.WaitingRequests;
import io.lockstep.replication.eagerlock.Range;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Immutable, pure. Which pages of a file the kernel is told to drop while requests for some of them
 * wait and cannot be answered before that is done. Ranges of whole pages, in order.
 *
 * @param certain all but those of waiting requests
 * @param doubtful those of waiting writes: a page that a write covers in part is locked until the
 *     write is answered, unless it could be read already; then it has to be dropped
 */
record PagePlan(List<Range> certain, List<Range> doubtful) {
  private static final long PAGE_BYTES = 4096;

  static PagePlan of(WaitingRequests waiting) {
    List<Range> reads = waiting.reads().stream().map(PagePlan::pages).toList();
    List<Range> writes = waiting.writes().stream().map(PagePlan::pages).distinct().toList();
    List<Range> all = new ArrayList<>(reads);
    all.addAll(writes);
    List<Range> doubtful = new ArrayList<>();
    for (Range write : writes) {
      doubtful.addAll(without(write, reads));
    }
    return new PagePlan(without(Range.ALL, all), doubtful);
  }

  private static Range pages(Range bytes) {
    long end = (bytes.end() + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    return new Range(bytes.offset() / PAGE_BYTES * PAGE_BYTES, end);
  }

  private static List<Range> without(Range whole, List<Range> parts) {
    List<Range> left = new ArrayList<>();
    long from = whole.offset();
    for (Range part : parts.stream().sorted(Comparator.comparingLong(Range::offset)).toList()) {
      if (part.offset() > from) {
        left.add(new Range(from, Math.min(part.offset(), whole.end())));
      }
      from = Math.max(from, Math.min(part.end(), whole.end()));
      if (from == whole.end()) {
        return left;
      }
    }
    left.add(new Range(from, whole.end()));
    return left;
  }
}
