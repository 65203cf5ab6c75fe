package io.lockstep.tools.repro;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.Times;
import io.lockstep.lockd.lease.Effect;
import io.lockstep.lockd.lease.LeaseLimits;
import io.lockstep.lockd.lease.LeaseRules;
import io.lockstep.lockd.lease.LeaseTable;
import io.lockstep.wire.message.LeaseMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** lockd in the manner of GlusterFS, beside lockd as it is. */
class AfrLeaseRulesTest {
  private static final long INODE = 7;
  private static final long DEADLINE = 1_000_000_000;

  private LeaseTable table;
  private final List<Effect> effects = new ArrayList<>();

  @BeforeEach
  void historic() {
    start(new AfrLeaseRules());
  }

  private void start(LeaseRules rules) {
    table = new LeaseTable(LeaseLimits.of(Times.DEFAULT), rules);
    effects.clear();
    run(table.onStarted(1, List.of(), 0));
    run(table.onSessionOpened(1, 0));
    run(table.onSessionOpened(2, 0));
    assertThat(table.isServing()).isTrue();
  }

  private void run(List<Effect> more) {
    for (Effect effect : more) {
      effects.add(effect);
      if (effect instanceof Effect.AskSettleOrphans sweep) {
        run(table.onOrphansSettled(sweep.seal(), true, Set.of(), 0));
      }
    }
  }

  private void acquire(long session, long lease) {
    run(
        table.onAcquire(
            new LeaseTable.Acquire(session, INODE, lease, LeaseMode.EXCLUSIVE, 3, DEADLINE), 0));
  }

  private void release(long session, long lease) {
    run(table.onRelease(session, INODE, lease, true, 0));
  }

  private boolean isGranted(long session, long lease) {
    return effects.stream()
        .anyMatch(e -> e instanceof Effect.Grant g && g.session() == session && g.lease() == lease);
  }

  @Test
  void secondGrantToOneClientLeavesAnObjectThatNobodyUnlocks() {
    acquire(1, 1);
    acquire(1, 2);
    acquire(2, 1);
    assertThat(isGranted(1, 2)).isTrue();
    release(1, 2);
    run(table.onRecallNotMine(1, INODE, 2, 0));
    assertThat(isGranted(2, 1)).as("the other client waits").isFalse();
    acquire(1, 3);
    assertThat(isGranted(1, 3)).as("the owner goes ahead of those who wait").isTrue();
    release(1, 3);
    assertThat(isGranted(2, 1)).isFalse();
    run(table.onSessionEnded(1, true, 0));
    run(table.onSettled(INODE, settleToken(), true, 0));
    assertThat(isGranted(2, 1)).as("until the client is gone").isTrue();
  }

  private io.lockstep.core.Token settleToken() {
    return effects.stream()
        .filter(e -> e instanceof Effect.AskSettle)
        .map(e -> ((Effect.AskSettle) e).token())
        .findFirst()
        .orElseThrow();
  }

  @Test
  void oneGrantIsOneUnlock() {
    acquire(1, 1);
    acquire(2, 1);
    release(1, 1);
    assertThat(isGranted(2, 1)).isTrue();
  }

  @Test
  void ourOwnLockdGrantsNoSecondLease() {
    start(LeaseRules.PRODUCTION);
    acquire(1, 1);
    acquire(1, 2);
    assertThat(isGranted(1, 2)).isFalse();
    release(1, 1);
    assertThat(isGranted(1, 2)).isTrue();
  }
}
