package io.lockstep.fs.vfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class OpenInodesTest {
  private static final long INODE = 5;

  private final OpenInodes inodes = new OpenInodes(Threads.REAL);

  private static long in(long ms) {
    return System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ms);
  }

  @Test
  void onlyTheFirstTellsTheMaster() throws Outcome {
    assertThat(inodes.enter(INODE, in(1000))).isTrue();
    inodes.registered(INODE);
    assertThat(inodes.enter(INODE, in(1000))).isFalse();
  }

  @Test
  void comingBackBeforeTheMasterHearsOfTheEndCostsNothing() throws Exception {
    inodes.enter(INODE, in(1000));
    inodes.registered(INODE);
    inodes.leave(INODE);
    assertThat(inodes.enter(INODE, in(1000))).isFalse();
    assertThat(inodes.takeDue(10, 0)).isEmpty();
    assertThat(inodes.all()).containsExactly(INODE);
  }

  @Test
  void whoComesWhileTheMasterIsToldWaitsAndRegistersAnew() throws Exception {
    inodes.enter(INODE, in(1000));
    inodes.registered(INODE);
    inodes.leave(INODE);
    List<Long> due = inodes.takeDue(10, 0);
    assertThat(due).containsExactly(INODE);
    Outcome late = catchThrowableOfType(Outcome.class, () -> inodes.enter(INODE, in(20)));
    assertThat(late.code()).isEqualTo(ErrorCode.TIMED_OUT);
    CompletableFuture<Boolean> waiter =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return inodes.enter(INODE, in(10_000));
              } catch (Outcome e) {
                throw new IllegalStateException(e);
              }
            });
    inodes.closed(due);
    assertThat(waiter.get(10, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void aFailedRegistrationLeavesNothingBehind() throws Outcome {
    inodes.enter(INODE, in(1000));
    inodes.abandon(INODE);
    assertThat(inodes.all()).isEmpty();
    assertThat(inodes.enter(INODE, in(1000))).isTrue();
  }

  @Test
  void whoFindsAFileBeforeItsMakerHearsOfItIsCountedBeside() throws Exception {
    assertThat(inodes.enter(INODE, in(1000))).isTrue();
    assertThat(inodes.enterCreated(INODE)).isTrue();
    inodes.leave(INODE);
    assertThat(inodes.takeDue(10, 0)).isEmpty();
    inodes.registered(INODE);
    inodes.leave(INODE);
    assertThat(inodes.takeDue(10, 0)).containsExactly(INODE);
  }

  @Test
  void whatItsMakerHasOpenStaysWhenAnotherIsRefused() throws Exception {
    assertThat(inodes.enter(INODE, in(1000))).isTrue();
    assertThat(inodes.enterCreated(INODE)).isTrue();
    inodes.abandon(INODE);
    assertThat(inodes.all()).containsExactly(INODE);
    inodes.leave(INODE);
    assertThat(inodes.takeDue(10, 0)).containsExactly(INODE);
  }

  @Test
  void whatWasFoundAndClosedBeforeItsMakerHearsOfItIsRegisteredAnew() throws Exception {
    inodes.enter(INODE, in(1000));
    inodes.registered(INODE);
    inodes.leave(INODE);
    List<Long> due = inodes.takeDue(10, 0);
    assertThat(inodes.enterCreated(INODE)).isFalse();
    inodes.closed(due);
    assertThat(inodes.enter(INODE, in(1000))).isTrue();
  }
}
