package io.lockstep.fs.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.replication.client.WaitingRequests;
import io.lockstep.replication.eagerlock.Range;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PagePlanTest {
  private static final long PAGE = 4096;
  private static final long END = Range.ALL.end();

  private static PagePlan plan(List<Range> reads, List<Range> writes) {
    return PagePlan.of(new WaitingRequests(reads, writes));
  }

  @Test
  void allPagesGoWhenNobodyWaits() {
    PagePlan plan = plan(List.of(), List.of());
    assertThat(plan.certain()).containsExactly(Range.ALL);
    assertThat(plan.doubtful()).isEmpty();
  }

  @Test
  void pagesOfWaitingReadsStay() {
    PagePlan plan = plan(List.of(new Range(3 * PAGE, 5 * PAGE), new Range(0, 10)), List.of());
    assertThat(plan.certain()).containsExactly(new Range(PAGE, 3 * PAGE), new Range(5 * PAGE, END));
    assertThat(plan.doubtful()).isEmpty();
  }

  @Test
  void pagesOfWaitingWritesAreToldOnTheirOwn() {
    PagePlan plan = plan(List.of(new Range(PAGE, 2 * PAGE)), List.of(new Range(100, PAGE + 1)));
    assertThat(plan.certain()).containsExactly(new Range(2 * PAGE, END));
    assertThat(plan.doubtful()).containsExactly(new Range(0, PAGE));
  }

  @Test
  void everyPageIsCertainDoubtfulOrBeingRead() {
    Random random = new Random(4);
    for (int round = 0; round < 500; round++) {
      List<Range> reads = ranges(random);
      List<Range> writes = ranges(random);
      PagePlan plan = plan(reads, writes);
      for (long page = 0; page < 40; page++) {
        boolean read = touches(reads, page);
        boolean write = touches(writes, page);
        assertThat(touches(plan.certain(), page)).isEqualTo(!read && !write);
        assertThat(touches(plan.doubtful(), page)).isEqualTo(write && !read);
      }
    }
  }

  private static List<Range> ranges(Random random) {
    List<Range> ranges = new ArrayList<>();
    for (int i = random.nextInt(4); i > 0; i--) {
      long offset = random.nextInt((int) (30 * PAGE));
      ranges.add(new Range(offset, offset + 1 + random.nextInt((int) (5 * PAGE))));
    }
    return ranges;
  }

  private static boolean touches(List<Range> ranges, long page) {
    Range bytes = new Range(page * PAGE, (page + 1) * PAGE);
    return ranges.stream().anyMatch(range -> range.overlaps(bytes));
  }
}
