package io.lockstep.tools.explore;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.replication.eagerlock.EagerLockRules;
import io.lockstep.replication.eagerlock.Mode;
import io.lockstep.replication.eagerlock.Range;
import io.lockstep.tools.repro.EagerLockVariant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The eager lock in every order of events; each check is shown to work by a machine it catches. */
class EagerLockExplorerTest {
  private static final EagerLockBounds ALL = EagerLockBounds.WRITERS;
  private static final EagerLockBounds FEW = new EagerLockBounds(2, 0, 0, 1, 0, 0, 0);

  private static Exploration explore(EagerLockVariant variant, EagerLockBounds bounds) {
    Exploration exploration = Exploration.of(variant, bounds, count -> {});
    System.out.printf(
        "%s: %d states, %d transitions, %d deep: %s%n",
        variant,
        exploration.states(),
        exploration.transitions(),
        exploration.depth(),
        exploration.verdict());
    return exploration;
  }

  private static List<String> kinds(EagerLockRules rules, EagerLockBounds bounds) {
    return Exploration.of("mutant", EagerLockWorld.Machine.of(rules), bounds, count -> {})
        .found()
        .stream()
        .map(Explorer.Found::kind)
        .toList();
  }

  @ParameterizedTest
  @EnumSource(names = "AFR_BEFORE", mode = EnumSource.Mode.EXCLUDE)
  void noOrderOfEventsBreaksIt(EagerLockVariant variant) {
    Exploration exploration = explore(variant, ALL);
    assertThat(exploration.found()).isEmpty();
    assertThat(exploration.isGood()).isTrue();
    assertThat(exploration.states()).as("states").isGreaterThan(50_000);
  }

  /** Found here: a recall of an upgrade whose answer was lost was answered "not mine". */
  @Test
  void readersUpgradesAndBuffersBreakNothingEither() {
    Exploration exploration = explore(EagerLockVariant.LOCKSTEP, EagerLockBounds.MIXED);
    assertThat(exploration.found()).isEmpty();
    assertThat(exploration.isGood()).isTrue();
    assertThat(exploration.states()).as("states").isGreaterThan(100_000);
  }

  @Test
  void afrBeforeItsFixLeavesALockBehind() {
    Exploration exploration = explore(EagerLockVariant.AFR_BEFORE, ALL);
    assertThat(exploration.found().stream().map(Explorer.Found::kind))
        .containsExactly(
            "invariant I2",
            "a second lease is asked for",
            "stale lock",
            "another client waits for ever");
  }

  /** The six steps of the study: nothing shorter leaves a lock behind, and no flush, no race. */
  @Test
  void shortestTraceToTheStaleLockHasSixSteps() {
    Exploration exploration = explore(EagerLockVariant.AFR_BEFORE, FEW);
    Explorer.Found stale = exploration.found().get(2);
    assertThat(stale.kind()).isEqualTo("stale lock");
    assertThat(stale.trace().stream().map(World.Step::event))
        .containsExactly(
            "writer 1 arrives at 0-10",
            "lockd grants lease 1",
            "writer 1 is done",
            "a descriptor is flushed",
            "writer 2 arrives at 0-10",
            "lockd grants lease 2");
    assertThat(exploration.found().get(0).trace()).hasSize(4);
    assertThat(
            explore(EagerLockVariant.AFR_BEFORE, new EagerLockBounds(4, 0, 0, 0, 1, 1, 1)).isGood())
        .isTrue();
  }

  @Test
  void overlapThatIsOverlookedIsFound() {
    EagerLockRules mutant =
        new EagerLockRules() {
          @Override
          public boolean waitsFor(Range arrived, Range earlier) {
            return false;
          }
        };
    assertThat(kinds(mutant, FEW)).contains("overlapping writers run");
  }

  @Test
  void writerThatIsContentWithASharedLeaseIsFound() {
    EagerLockRules mutant =
        new EagerLockRules() {
          @Override
          public boolean covers(Mode held, Mode mode) {
            return true;
          }
        };
    assertThat(kinds(mutant, new EagerLockBounds(1, 1, 0, 0, 0, 0, 0)))
        .contains("writes under a shared lease");
  }

  @Test
  void waiterThatKeepsItsOldEpochIsFound() {
    EagerLockRules mutant =
        new EagerLockRules() {
          @Override
          public long adoptedEpoch(long known, long told) {
            return known;
          }
        };
    assertThat(kinds(mutant, new EagerLockBounds(2, 0, 0, 0, 0, 0, 1)))
        .contains("runs at an old epoch");
  }

  @Test
  void recallOfADoubtfulUpgradeThatIsCalledUnknownIsFound() {
    EagerLockRules mutant =
        new EagerLockRules() {
          @Override
          public boolean knowsDoubtful() {
            return false;
          }
        };
    assertThat(kinds(mutant, EagerLockBounds.MIXED))
        .contains("stale lock", "runs on after its lease has ended");
  }

  @Test
  void leaseThatIsAskedForTwiceIsFoundWithOurOwnLockdToo() {
    assertThat(kinds(EagerLockVariant.AFR_BEFORE.rules(), FEW))
        .contains("invariant I2", "a second lease is asked for")
        .doesNotContain("stale lock");
  }

  @Test
  void leaseThatIsReleasedTwiceIsFound() {
    EagerLockRules mutant =
        new EagerLockRules() {
          @Override
          public void onFlushOfParked(Parked parked) {
            parked.release("flush");
            parked.release("again");
          }
        };
    assertThat(kinds(mutant, FEW)).contains("broken invariant");
  }
}
