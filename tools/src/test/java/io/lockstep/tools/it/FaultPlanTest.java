package io.lockstep.tools.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class FaultPlanTest {
  @Test
  void theSeedIsThePlan() {
    assertThat(FaultPlan.rounds(7, 3)).isEqualTo(FaultPlan.rounds(7, 3));
    assertThat(FaultPlan.quick(7)).isEqualTo(FaultPlan.quick(7));
    assertThat(FaultPlan.quick(7).steps()).isNotEqualTo(FaultPlan.quick(8).steps());
  }

  @Test
  void shortPlanHasOneOfEachGroup() {
    Set<Fault> seen = EnumSet.noneOf(Fault.class);
    for (long seed = 0; seed < 100; seed++) {
      List<Fault> faults =
          FaultPlan.quick(seed).steps().stream().map(FaultPlan.Step::fault).toList();
      assertThat(faults).hasSize(FaultPlan.SHORT.size());
      for (List<Fault> group : FaultPlan.SHORT) {
        assertThat(faults).containsAnyElementsOf(group);
      }
      seen.addAll(faults);
    }
    assertThat(seen).hasSize(FaultPlan.SHORT.stream().mapToInt(List::size).sum());
  }

  @Test
  void eachRoundHasEveryFault() {
    List<FaultPlan.Step> steps = FaultPlan.rounds(1, 2).steps();
    assertThat(steps).hasSize(2 * Fault.values().length);
    assertThat(steps.subList(0, Fault.values().length).stream().map(FaultPlan.Step::fault))
        .containsExactlyInAnyOrder(Fault.values());
  }
}
