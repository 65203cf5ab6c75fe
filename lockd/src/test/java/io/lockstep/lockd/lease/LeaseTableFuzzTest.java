package io.lockstep.lockd.lease;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Many seeded worlds under the eyes of {@link LeaseOracle}; {@code -Dseed=} replays one. */
class LeaseTableFuzzTest {
  private static final int SEEDS = Integer.getInteger("lease.seeds", 400);
  private static final int STEPS = 3_000;

  @Test
  void invariantsHoldAndEveryWaiterIsAnswered() {
    Long only = Long.getLong("seed");
    long first = only == null ? 1 : only;
    long last = only == null ? SEEDS : only;
    Map<String, Integer> seen = new HashMap<>();
    for (long seed = first; seed <= last; seed++) {
      LeaseWorld world = new LeaseWorld(seed, LeaseRules.PRODUCTION);
      try {
        world.run(STEPS);
      } catch (RuntimeException | Error e) {
        throw new AssertionError("seed " + seed + ": -Dseed=" + seed + " replays it", e);
      }
      world.seen().forEach((what, count) -> seen.merge(what, count, Integer::sum));
    }
    System.out.println("seeds " + first + ".." + last + " saw " + seen);
    if (only == null) {
      assertThat(seen)
          .containsKeys(
              "clear",
              "grant SHARED",
              "grant EXCLUSIVE",
              "upgrade",
              "recall",
              "settle",
              "sweep",
              "query",
              "condemn",
              "reclaim",
              "STALE_LEASE",
              "LEASE_TIMEOUT",
              "SESSION_ENDED",
              "OBJECT_DELETED");
    }
  }
}
