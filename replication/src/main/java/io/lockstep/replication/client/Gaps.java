package io.lockstep.replication.client;

import java.util.ArrayList;
import java.util.List;

/** Confined to its caller. What is still missing of a range that is put together from pieces. */
final class Gaps {
  /** Bytes {@code offset <= x < end}. */
  record Gap(long offset, long end) {
    int length() {
      return (int) (end - offset);
    }
  }

  private List<Gap> missing = new ArrayList<>();

  Gaps(long offset, long end) {
    if (offset < end) {
      missing.add(new Gap(offset, end));
    }
  }

  void fill(long offset, long end) {
    List<Gap> left = new ArrayList<>();
    for (Gap gap : missing) {
      if (end <= gap.offset || gap.end <= offset) {
        left.add(gap);
        continue;
      }
      if (gap.offset < offset) {
        left.add(new Gap(gap.offset, offset));
      }
      if (end < gap.end) {
        left.add(new Gap(end, gap.end));
      }
    }
    missing = left;
  }

  List<Gap> missing() {
    return missing;
  }
}
