package io.lockstep.fs.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.replication.client.WaitingRequests;
import io.lockstep.replication.eagerlock.Range;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Node 1 has a page that is being written: whoever drops it waits. */
@Timeout(30)
class KernelCacheTest {
  private static final long PAGE = 4096;

  /** No page of this one is answered. */
  private static final long NEVER = 3;

  private static final WaitingRequests WRITE =
      new WaitingRequests(List.of(), List.of(new Range(PAGE, PAGE + 1)));

  private final CountDownLatch written = new CountDownLatch(1);
  private final Queue<Range> calls = new ConcurrentLinkedQueue<>();
  private final AtomicInteger threadsMissing = new AtomicInteger();
  private final KernelCache cache =
      new KernelCache(
          new KernelCache.Invalidation() {
            @Override
            public void attributes(long node) {}

            @Override
            public void size(long node, long atLeast) {}

            @Override
            public void pages(long node, Range pages) {
              calls.add(pages);
              if (node == NEVER || (node == 1 && pages.overlaps(new Range(PAGE, 2 * PAGE)))) {
                try {
                  written.await();
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              }
            }
          },
          thread -> {
            if (threadsMissing.getAndUpdate(count -> Math.max(0, count - 1)) > 0) {
              throw new OutOfMemoryError("unable to create native thread");
            }
            thread.start();
          });

  @BeforeEach
  void start() {
    cache.start();
  }

  @AfterEach
  void stop() {
    written.countDown();
    assertThat(cache.stop()).isTrue();
  }

  private CountDownLatch drop(long node, WaitingRequests waiting) {
    CountDownLatch dropped = new CountDownLatch(1);
    assertThat(cache.drop(node, waiting, dropped::countDown)).isTrue();
    return dropped;
  }

  @Test
  void pageOfAWaitingReadIsNotWaitedFor() throws Exception {
    WaitingRequests read = new WaitingRequests(List.of(new Range(PAGE, 2 * PAGE)), List.of());
    assertThat(drop(1, read).await(20, TimeUnit.SECONDS)).isTrue();
    assertThat(calls)
        .containsExactlyInAnyOrder(new Range(0, PAGE), new Range(2 * PAGE, Long.MAX_VALUE));
  }

  @Test
  void pageOfAWaitingWriteMayBeOneThatCanBeReadSoItsDropIsAwaited() throws Exception {
    CountDownLatch dropped = drop(1, WRITE);
    while (calls.size() < 3) {
      Thread.onSpinWait();
    }
    assertThat(dropped.getCount()).as("a thread that waits, but not for a page").isOne();
    written.countDown();
    assertThat(dropped.await(20, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void stopTellsOfACallThatIsStillWithTheKernel() throws Exception {
    drop(1, WRITE);
    while (calls.size() < 3) {
      Thread.onSpinWait();
    }
    assertThat(cache.stop()).isFalse();
  }

  @Test
  void nodeThatIsStuckKeepsOneThread() throws Exception {
    for (int i = 0; i < 1000; i++) {
      cache.drop(1);
    }
    assertThat(drop(2, WaitingRequests.NONE).await(20, TimeUnit.SECONDS)).isTrue();
    assertThat(calls).hasSize(2);
    written.countDown();
    // Once more for all who came meanwhile.
    while (calls.size() < 3) {
      Thread.onSpinWait();
    }
  }

  /** So many writes wait, each for a page of its own. */
  private static WaitingRequests writes(int count) {
    List<Range> writes = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      writes.add(new Range(i * PAGE, i * PAGE + 1));
    }
    return new WaitingRequests(List.of(), writes);
  }

  @Test
  void probesAreBoundedAndPagesThatNoneIsLeftForAreNotSaidToBeDropped() throws Exception {
    CountDownLatch dropped = drop(NEVER, writes(KernelCache.PROBES_MAX + 10));
    while (calls.size() < KernelCache.PROBES_MAX + 1) {
      Thread.onSpinWait();
    }
    assertThat(cache.skipped()).isEqualTo(10);
    written.countDown();
    assertThat(cache.stop()).isTrue();
    assertThat(dropped.getCount()).as("ten pages are not dropped").isOne();
  }

  @Test
  void threadThatCannotBeMadeEndsNoOther() throws Exception {
    threadsMissing.set(2 * KernelCache.THREADS);
    for (int i = 0; i < 2 * KernelCache.THREADS; i++) {
      long before = cache.skipped();
      CountDownLatch dropped = drop(2, WRITE);
      while (cache.skipped() == before) {
        Thread.onSpinWait();
      }
      assertThat(dropped.getCount()).as("not dropped").isOne();
    }
    assertThat(cache.raiseSize(2, PAGE)).isTrue();
    assertThat(drop(2, WRITE).await(20, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void sizeThatThereIsNoThreadForIsNotSaidToBeRaised() {
    threadsMissing.set(1);
    assertThat(cache.raiseSize(2, PAGE)).isFalse();
    assertThat(cache.skipped()).isOne();
    assertThat(cache.raiseSize(2, PAGE)).isTrue();
  }

  @Test
  void fileThatTheKernelNeverAnswersForLeavesThreadsToOthers() throws Exception {
    CountDownLatch never = drop(NEVER, WaitingRequests.NONE);
    for (int i = 1; i < 100; i++) {
      // As when somebody else waits each time.
      drop(NEVER, new WaitingRequests(List.of(new Range(i * PAGE, (i + 1) * PAGE)), List.of()));
    }
    for (long node = 10; node < 20; node++) {
      assertThat(drop(node, WaitingRequests.NONE).await(20, TimeUnit.SECONDS)).isTrue();
    }
    assertThat(never.getCount()).isOne();
    written.countDown();
    assertThat(never.await(20, TimeUnit.SECONDS)).isTrue();
  }
}
