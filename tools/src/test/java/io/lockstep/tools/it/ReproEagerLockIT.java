package io.lockstep.tools.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.tools.it.TestCluster.Said;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The reproduction of GlusterFS's issue 4425, as a user runs it: each on a cluster of its own. */
class ReproEagerLockIT {
  private static Said repro(String variant) throws Exception {
    Said said =
        TestCluster.run(
            Map.of(),
            List.of(
                "repro",
                "eager-lock",
                "--variant=" + variant,
                "--seconds=4",
                "--delay=wake=5..30",
                "--output=json"));
    System.out.println(said.out());
    return said;
  }

  /** The mutant: without it the next test would prove nothing. */
  @Test
  void afrBeforeItsFixLeavesALockThatBlocksAThirdMount() throws Exception {
    Said said = repro("afr-before");
    assertThat(said.exitCode()).as(said.err()).isEqualTo(1);
    JsonNode report = said.json();
    assertThat(report.path("violations").asLong()).isPositive();
    assertThat(report.path("first").asText()).startsWith("I2: held without owners");
    assertThat(report.path("stale")).isNotEmpty();
    assertThat(report.path("thirdMountMs").asLong()).isEqualTo(-1);
  }

  @Test
  void oursLeavesNone() throws Exception {
    Said said = repro("lockstep");
    assertThat(said.exitCode()).as(said.out() + said.err()).isZero();
    JsonNode report = said.json();
    assertThat(report.path("races").asLong()).as("the case in question").isPositive();
    assertThat(report.path("violations").asLong()).isZero();
    assertThat(report.path("stale")).isEmpty();
    assertThat(report.path("load").path("bad").asLong()).isZero();
  }
}
