package io.lockstep.lockd.posix;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The lock table against a model of bytes; and rules turned round, each of which must be seen. */
class FileLockFuzzTest {
  private static final int SEEDS = 60;
  private static final int STEPS = 600;
  private static final int MUTANT_SEEDS_MAX = 50;

  private static final Map<String, FileLockRules> MUTANTS =
      new TreeMap<>(
          Map.of(
              "a cut takes the rest of the lock along",
              new FileLockRules() {
                @Override
                boolean keepsRest() {
                  return false;
                }
              },
              "readers do not keep a writer out",
              new FileLockRules() {
                @Override
                boolean conflicts(boolean oneWrites, boolean otherWrites) {
                  return oneWrites && otherWrites;
                }
              },
              "an interrupted wait stays in the queue",
              new FileLockRules() {
                @Override
                boolean cancelRemovesWaiter() {
                  return false;
                }
              },
              "a late duplicate is executed",
              new FileLockRules() {
                @Override
                boolean isOnce() {
                  return false;
                }
              },
              "circles wait for ever",
              new FileLockRules() {
                @Override
                boolean refusesCircles() {
                  return false;
                }
              },
              "the locks of a dead session stay",
              new FileLockRules() {
                @Override
                boolean endTakesLocks() {
                  return false;
                }
              }));

  @Test
  void tableDoesWhatTheModelDoes() {
    Map<ErrorCode, Integer> outcomes = new HashMap<>();
    long first = Long.getLong("seed", 1);
    for (long seed = first; seed < first + SEEDS; seed++) {
      FileLockWorld world = new FileLockWorld(seed, FileLockRules.PRODUCTION);
      world.run(STEPS);
      world.outcomes().forEach((code, count) -> outcomes.merge(code, count, Integer::sum));
    }
    System.out.println("outcomes: " + new TreeMap<>(outcomes));
    assertThat(outcomes)
        .containsKeys(
            ErrorCode.OK,
            ErrorCode.WOULD_BLOCK,
            ErrorCode.DEADLOCK,
            ErrorCode.INTERRUPTED,
            ErrorCode.BAD_HANDLE,
            ErrorCode.ANSWERED_BEFORE);
  }

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

  private static long seedsUntilKilled(FileLockRules rules) {
    for (long seed = 1; seed <= MUTANT_SEEDS_MAX; seed++) {
      try {
        new FileLockWorld(seed, rules).run(STEPS);
      } catch (RuntimeException | Error killed) {
        return seed;
      }
    }
    return 0;
  }
}
