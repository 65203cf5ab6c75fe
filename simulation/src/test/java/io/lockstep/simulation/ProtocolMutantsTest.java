package io.lockstep.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.simulation.Mutants.Mutant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The simulator must notice each changed decision; how many seeds it took is printed. */
@Timeout(600)
class ProtocolMutantsTest {
  private static final int SEEDS_MAX = 80;
  private static final int OPERATIONS = 400;

  @Test
  void everyMutantIsNoticed() {
    List<String> survivors = new ArrayList<>();
    for (Mutant mutant : Mutants.ALL) {
      int seeds = seedsUntilNoticed(mutant);
      System.out.printf(
          Locale.ROOT,
          "%s, %s: %s%n",
          mutant.rule(),
          mutant.change(),
          seeds == 0 ? "SURVIVES" : "noticed by seed " + seeds);
      if (seeds == 0) {
        survivors.add(mutant.rule() + ", " + mutant.change());
      }
    }
    assertThat(survivors).isEmpty();
  }

  private static int seedsUntilNoticed(Mutant mutant) {
    for (int seed = 1; seed <= SEEDS_MAX; seed++) {
      Simulation world = new Simulation(seed, OPERATIONS, mutant.variants().get(), mutant.faults());
      if (!world.run(note -> {}).isOk()) {
        return seed;
      }
    }
    return 0;
  }
}
