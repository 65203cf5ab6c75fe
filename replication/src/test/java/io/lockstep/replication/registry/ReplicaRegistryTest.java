package io.lockstep.replication.registry;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.replication.registry.ReplicaRegistry.Ensure;
import java.util.List;
import org.junit.jupiter.api.Test;

class ReplicaRegistryTest {
  private static final long SECOND = 1_000_000_000L;

  private final ReplicaRegistry registry = new ReplicaRegistry();

  private void createLive(long set) {
    registry.onEnsure(set, 1, 0);
    registry.onCreating(set);
    registry.onCreated(set);
  }

  @Test
  void ensureCreatesOnceAndIsJoinedAndReused() {
    assertThat(registry.onEnsure(5, 1, 0)).isInstanceOf(Ensure.Create.class);
    assertThat(registry.onEnsure(5, 1, 0)).isInstanceOf(Ensure.Join.class);
    registry.onCreating(5);
    assertThat(registry.onEnsure(5, 1, 0)).isInstanceOf(Ensure.Join.class);
    ReplicaRecord live = registry.onCreated(5);
    assertThat(registry.onEnsure(5, 1, 0)).isEqualTo(new Ensure.Reuse(live));
  }

  @Test
  void sameFailureIsNotTriedForEver() {
    long nowNs = 0;
    for (int i = 0; i < ReplicaRegistry.SAME_FAILURES_MAX; i++) {
      assertThat(registry.onEnsure(5, 1, nowNs)).isInstanceOf(Ensure.Create.class);
      registry.onCreateFailed(5, "disk on fire", nowNs);
    }
    assertThat(registry.onEnsure(5, 1, nowNs))
        .isInstanceOfSatisfying(
            Ensure.Refuse.class,
            refuse -> {
              assertThat(refuse.code()).isEqualTo(ErrorCode.BUSY);
              assertThat(refuse.reason()).contains("disk on fire");
            });
    nowNs += 2 * SECOND;
    assertThat(registry.onEnsure(5, 1, nowNs)).isInstanceOf(Ensure.Create.class);
    registry.onCreateFailed(5, "another reason", nowNs);
    assertThat(registry.onEnsure(5, 1, nowNs)).isInstanceOf(Ensure.Create.class);
    registry.onCreating(5);
    registry.onCreated(5);
    assertThat(registry.failure(5)).isNull();
  }

  @Test
  void everyChangeHasAnEpochOfItsOwn() {
    createLive(5);
    long first = registry.record(5).epoch();
    assertThat(registry.isUnchanged(5, first, registry.lastEpoch())).isTrue();
    registry.onDelete(5);
    registry.onDeleted(5);
    long listedAt = registry.lastEpoch();
    assertThat(registry.isUnchanged(5, first, listedAt)).isFalse();
    assertThat(registry.isUnchanged(5, 0, listedAt)).isTrue();
    createLive(5);
    assertThat(registry.record(5).epoch()).isGreaterThan(first);
    assertThat(registry.isUnchanged(5, first, listedAt)).isFalse();
    assertThat(registry.isUnchanged(5, 0, listedAt)).isFalse();
    registry.onDelete(5);
    registry.onDeleted(5);
    assertThat(registry.isUnchanged(5, 0, listedAt)).isFalse();
  }

  @Test
  void epochsGoOnAfterRestart() {
    createLive(5);
    List<ReplicaRecord> stored = registry.records();
    ReplicaRegistry opened = new ReplicaRegistry();
    opened.onOpened(stored);
    ReplicaRecord whole = opened.onWhole(5);
    assertThat(whole.whole()).isTrue();
    assertThat(whole.epoch()).isGreaterThan(stored.get(0).epoch());
    assertThat(opened.onWhole(5)).isNull();
  }

  @Test
  void onlyASettledReplicaIsDeleted() {
    assertThat(registry.onDelete(5)).isNull();
    registry.onEnsure(5, 1, 0);
    assertThat(registry.onDelete(5)).isNull();
    registry.onCreating(5);
    registry.onCreated(5);
    assertThat(registry.onDelete(5).state()).isEqualTo(ReplicaState.DELETING);
    assertThat(registry.onDelete(5)).isNull();
    assertThat(registry.onEnsure(5, 1, 0)).isInstanceOf(Ensure.Refuse.class);
  }
}
