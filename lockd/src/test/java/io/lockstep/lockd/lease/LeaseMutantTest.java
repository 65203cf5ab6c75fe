package io.lockstep.lockd.lease;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.wire.message.LeaseMode;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Each rule of the lease table with its decision reversed: the fuzz test must notice every one. */
class LeaseMutantTest {
  private static final int SEEDS_MAX = 50;
  private static final int STEPS = 3_000;

  private static final Map<String, LeaseRules> MUTANTS =
      new TreeMap<>(
          Map.of(
              "P1: grants after an unclean end without settling",
              new LeaseRules() {
                @Override
                boolean mustSettle(LeaseMode mode, boolean clean, long set) {
                  return false;
                }
              },
              "P4: grants an id that has ended",
              new LeaseRules() {
                @Override
                boolean isEnded(long lease, long lastEnded) {
                  return false;
                }
              },
              "P5: grants in grace",
              new LeaseRules() {
                @Override
                boolean mayGrant(LeaseTable.Phase phase) {
                  return true;
                }
              },
              "P5: grants to an ended session",
              new LeaseRules() {
                @Override
                boolean refusesEndedSessions() {
                  return false;
                }
              },
              "clear: grants before the holder knows",
              new LeaseRules() {
                @Override
                boolean waitsForCleared() {
                  return false;
                }
              },
              "I1: grants to a reader beside a writer",
              new LeaseRules() {
                @Override
                boolean conflicts(Lease held, Waiter waiter) {
                  return super.conflicts(held, waiter) && waiter.mode == LeaseMode.EXCLUSIVE;
                }
              }));

  @Test
  void everyMutantIsKilled() {
    Map<String, Long> survivors = new TreeMap<>();
    MUTANTS.forEach(
        (name, rules) -> {
          long seeds = seedsUntilKilled(rules);
          System.out.println(name + ": killed by seed " + seeds);
          if (seeds == 0) {
            survivors.put(name, seeds);
          }
        });
    assertThat(survivors).isEmpty();
  }

  private static long seedsUntilKilled(LeaseRules rules) {
    for (long seed = 1; seed <= SEEDS_MAX; seed++) {
      try {
        new LeaseWorld(seed, rules).run(STEPS);
      } catch (RuntimeException | Error killed) {
        return seed;
      }
    }
    return 0;
  }
}
