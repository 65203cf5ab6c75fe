package io.lockstep.fs.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.fs.fuse.DropQueue.Drop;
import io.lockstep.replication.client.WaitingRequests;
import io.lockstep.replication.eagerlock.Range;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DropQueueTest {
  private static final int THREADS = 8;

  private final DropQueue queue = new DropQueue(THREADS, 100);
  private final List<String> told = new ArrayList<>();

  private static PagePlan plan(long page) {
    Range read = new Range(page * 4096, (page + 1) * 4096);
    return PagePlan.of(new WaitingRequests(List.of(read), List.of()));
  }

  private boolean offer(long node, long page, boolean awaited) {
    return queue.offer(
        new Drop(node, plan(page), awaited, List.of(() -> told.add(node + "/" + page))));
  }

  private long takeNode() {
    Drop drop = queue.poll();
    return drop == null ? 0 : drop.node();
  }

  @Test
  void newerTakesThePlaceOfAnOlderThatWaitsAndBothAreTold() {
    assertThat(offer(1, 1, true)).isTrue();
    assertThat(offer(1, 2, false)).isTrue();
    assertThat(offer(1, 3, true)).isTrue();
    Drop unawaited = queue.poll();
    Drop newest = queue.poll();
    assertThat(unawaited.plan()).isEqualTo(plan(2));
    assertThat(newest.plan()).isEqualTo(plan(3));
    assertThat(queue.poll()).isNull();
    newest.dropped().forEach(Runnable::run);
    assertThat(told).containsExactly("1/1", "1/3");
  }

  @Test
  void nodeThatIsStuckHasHalfOfTheThreadsAtMost() {
    int stuck = 0;
    do {
      offer(1, stuck, true);
      stuck++;
    } while (takeNode() == 1);
    assertThat(stuck - 1).isEqualTo(THREADS / 2);
    for (long node = 2; node < 2 + THREADS / 2; node++) {
      offer(node, 1, true);
      assertThat(takeNode()).isEqualTo(node);
    }
  }

  @Test
  void twoThreadsAreForEachNodeWhoeverElseIsStuck() {
    for (long node = 1; node <= THREADS / 2; node++) {
      for (int i = 0; i < THREADS; i++) {
        offer(node, i, true);
        long taken = takeNode();
        assertThat(taken).isIn(0L, node);
        if (taken == 0) {
          break;
        }
        if (node == 1 && i == 1) {
          break;
        }
      }
    }
    assertThat(takeNode()).as("all threads are taken, or their node has two").isZero();
    queue.end(1);
    offer(9, 1, true);
    assertThat(takeNode()).as("nobody stands before it for ever").isEqualTo(9);
  }

  @Test
  void threadThatEndsLetsItsNodeHaveAnother() {
    for (int i = 0; i < THREADS; i++) {
      offer(1, i, true);
      queue.poll();
    }
    assertThat(queue.poll()).isNull();
    queue.end(1);
    assertThat(takeNode()).isEqualTo(1);
  }

  @Test
  void fullAndClosedTakeNothing() {
    for (long node = 1; node <= 100; node++) {
      assertThat(offer(node, 1, true)).isTrue();
    }
    assertThat(offer(101, 1, true)).isFalse();
    assertThat(offer(1, 2, true)).as("in the place of another").isTrue();
    assertThat(queue.close()).hasSize(100);
    assertThat(offer(1, 1, true)).isFalse();
    assertThat(queue.poll()).isNull();
  }

  @Test
  void whatNobodyWaitsForHasAPlaceAndTakesNoneFromOthers() {
    for (long node = 1; node <= 100; node++) {
      assertThat(offer(node, 1, true)).isTrue();
    }
    assertThat(offer(101, 1, false)).isTrue();
    assertThat(takeNode()).isEqualTo(1);
    assertThat(offer(102, 1, true)).isTrue();
    assertThat(offer(103, 1, true)).isFalse();
    List<Long> left = queue.close().stream().map(Drop::node).toList();
    assertThat(left).hasSize(101).contains(101L, 102L);
  }

  /** Whatever is stuck: who has fewer than two threads gets one as long as there is one. */
  @Test
  void nobodyWithoutAThreadWaitsWhileOneIsFree() {
    long seed = Long.getLong("seed", 3);
    Random random = new Random(seed);
    Map<Long, Integer> busy = new HashMap<>();
    Map<Long, Integer> waiting = new HashMap<>();
    for (int step = 0; step < 20_000; step++) {
      String at = "seed " + seed + ", step " + step;
      int threads = busy.values().stream().mapToInt(Integer::intValue).sum();
      long offered = 1L + random.nextInt(10);
      if (random.nextInt(3) > 0 && offer(offered, random.nextInt(5), false)) {
        waiting.merge(offered, 1, Integer::sum);
      }
      if (threads < THREADS) {
        long node = takeNode();
        if (node == 0) {
          assertThat(waiting.keySet()).as(at).allMatch(n -> busy.getOrDefault(n, 0) >= 2);
        } else {
          busy.merge(node, 1, Integer::sum);
          waiting.merge(node, -1, Integer::sum);
          waiting.remove(node, 0);
          assertThat(busy.get(node) <= 2 || threads < THREADS / 2).as(at).isTrue();
        }
      }
      if (random.nextInt(3) == 0 && !busy.isEmpty()) {
        long node = List.copyOf(busy.keySet()).get(random.nextInt(busy.size()));
        queue.end(node);
        busy.merge(node, -1, Integer::sum);
        busy.remove(node, 0);
      }
    }
  }
}
