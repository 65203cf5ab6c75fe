package io.lockstep.replication.registry;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.replication.registry.ReplicaRegistry.Ensure;
import java.util.Collection;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/**
 * I7: a scenario for each of its decisions, which production passes and the production class with
 * that one decision changed does not.
 */
class RegistryMutantTest {
  private static final long SET = 5;
  private static final long SECOND_NS = 1_000_000_000L;

  /** Repeats a creation unchanged after the same failure. */
  private static final class ForgetsFailures extends ReplicaRegistry {
    @Override
    public void onCreateFailed(long set, String reason, long nowNs) {
      super.onCreateFailed(set, reason + " at " + nowNs, nowNs);
    }
  }

  /** Begins a creation anew instead of joining, or using, what an earlier one left. */
  private static final class BeginsAnew extends ReplicaRegistry {
    @Override
    public Ensure onEnsure(long set, long volume, long nowNs) {
      Ensure usual = super.onEnsure(set, volume, nowNs);
      return usual instanceof Ensure.Refuse ? usual : new Ensure.Create(record(set));
    }
  }

  /** Takes what it remembers, which is nothing at its start, for what there is. */
  private static final class ForgetsTheDisk extends ReplicaRegistry {
    @Override
    public void onOpened(Collection<ReplicaRecord> stored) {
      super.onOpened(List.of());
    }
  }

  /** Tries in the first minute, by somebody who asks every second, on a disk that always fails. */
  private static int tries(ReplicaRegistry registry) {
    int tries = 0;
    for (int second = 0; second < 60; second++) {
      if (registry.onEnsure(SET, 1, second * SECOND_NS) instanceof Ensure.Create) {
        tries++;
        registry.onCreating(SET);
        registry.onCreateFailed(SET, "disk on fire", second * SECOND_NS);
      }
    }
    return tries;
  }

  /** How often the replica is made for two who want it at once, and a third one later. */
  private static int creations(ReplicaRegistry registry) {
    int creations = 0;
    for (int asker = 0; asker < 2; asker++) {
      creations += registry.onEnsure(SET, 1, 0) instanceof Ensure.Create ? 1 : 0;
    }
    registry.onCreating(SET);
    registry.onCreated(SET);
    return creations + (registry.onEnsure(SET, 1, 0) instanceof Ensure.Create ? 1 : 0);
  }

  /** Whether a replica that was there before is used after a new start. */
  private static boolean isReused(Supplier<ReplicaRegistry> registry) {
    ReplicaRegistry before = registry.get();
    before.onEnsure(SET, 1, 0);
    before.onCreating(SET);
    before.onCreated(SET);
    ReplicaRegistry after = registry.get();
    after.onOpened(before.records());
    return after.onEnsure(SET, 1, 0) instanceof Ensure.Reuse;
  }

  @Test
  void repeatingWhatFailedIsCaught() {
    // Three at once, then after 1, 2, 4, 8, 16 and 32 s.
    assertThat(tries(new ReplicaRegistry())).isLessThan(10);
    assertThat(tries(new ForgetsFailures())).isGreaterThanOrEqualTo(10);
  }

  @Test
  void creatingWhatIsBeingMadeIsCaught() {
    assertThat(creations(new ReplicaRegistry())).isEqualTo(1);
    assertThat(creations(new BeginsAnew())).isGreaterThan(1);
  }

  @Test
  void forgettingTheDiskIsCaught() {
    assertThat(isReused(ReplicaRegistry::new)).isTrue();
    assertThat(isReused(ForgetsTheDisk::new)).isFalse();
  }
}
