package io.lockstep.replication.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.Times;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** When what waits for the kernel's pages goes on, a recall before all. */
class KernelPagesTest {
  private static final long INODE = 7;

  private final VirtualTime time = new VirtualTime();

  /** Nobody is asked for anything. */
  private final Engine engine =
      new Engine(
          (request, payload, timeoutNs, onReply) -> {},
          address -> {
            throw new AssertionError(address);
          },
          time,
          Times.DEFAULT,
          ClientOptions.DEFAULT,
          time,
          LockSeam.PRODUCTION,
          set -> {});

  /** What the kernel was told to drop and has not. */
  private final Deque<Runnable> told = new ArrayDeque<>();

  private final KernelPages pages =
      new KernelPages(engine, INODE, (inode, waiting, dropped) -> told.add(dropped), new Waiters());
  private final List<String> wentOn = new ArrayList<>();

  private void dropFirst(String who) {
    pages.dropFirst(() -> wentOn.add(who));
    time.pass(0);
  }

  private void dropLast(String who) {
    pages.drop(() -> wentOn.add(who));
    time.pass(0);
  }

  private void kernelHasDropped() {
    told.remove().run();
    time.pass(0);
  }

  @Test
  void recallsThatComeTogetherWaitForOneDrop() {
    dropFirst("recall");
    dropFirst("the same recall");
    assertThat(told).hasSize(1);
    assertThat(wentOn).isEmpty();
    kernelHasDropped();
    assertThat(wentOn).containsExactly("recall", "the same recall");
  }

  @Test
  void recallGoesOnAtOnceWhileTheReleaseItselfWaits() {
    dropLast("release");
    dropFirst("recall");
    assertThat(wentOn).containsExactly("recall");
    assertThat(told).as("only the release tells the kernel").hasSize(1);
    kernelHasDropped();
    assertThat(wentOn).containsExactly("recall", "release");
  }

  @Test
  void recallWaitsAgainWhenTheReleaseIsOver() {
    dropLast("release");
    kernelHasDropped();
    dropFirst("recall");
    assertThat(wentOn).containsExactly("release");
    kernelHasDropped();
    assertThat(wentOn).containsExactly("release", "recall");
  }

  @Test
  void eachOfTwoLastDropsIsWaitedFor() {
    dropLast("lease that was lost");
    dropLast("release");
    kernelHasDropped();
    dropFirst("recall");
    assertThat(wentOn).containsExactly("lease that was lost", "recall");
    kernelHasDropped();
    assertThat(wentOn).endsWith("release");
  }

  @Test
  void recallGoesOnAfterASecondThoughTheKernelKeepsItsPages() {
    pages.countUse();
    dropFirst("recall");
    time.pass(TimeUnit.MILLISECONDS.toNanos(999));
    assertThat(wentOn).isEmpty();
    time.pass(TimeUnit.MILLISECONDS.toNanos(1));
    assertThat(wentOn).containsExactly("recall");
    assertThat(pages.mayBeThere()).as("they go with the release").isTrue();
  }
}
