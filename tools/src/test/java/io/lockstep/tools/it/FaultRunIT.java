package io.lockstep.tools.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.tools.it.TestCluster.Said;
import java.util.Arrays;
import java.util.List;
import org.awaitility.core.ConditionTimeoutException;
import org.junit.jupiter.api.Test;

/**
 * Real processes, real mounts, real faults: what the applications saw is judged by the checkers of
 * the simulator, and afterwards everything must be in step.
 */
class FaultRunIT {
  /** 0 = one fault of each kind, for the gate. */
  private static final int ROUNDS = Integer.getInteger("faults.rounds", 0);

  /** Only these, in this order, for somebody who looks for something. */
  private static final String ONLY = System.getProperty("faults.only", "");

  private final long seed = Long.getLong("seed", 41);
  private TestCluster cluster;

  @Test
  void everyFaultIsSurvived() throws Exception {
    FaultPlan plan = plan();
    System.out.println("faults with seed " + seed + ": " + plan.steps());
    try (FaultCluster faults = FaultCluster.start()) {
      try {
        survives(faults, plan);
      } catch (Exception | Error e) {
        // The logs are gone with the cluster, before a watch hears of the failure.
        faults.cluster().fail();
        throw e;
      }
    }
  }

  private void survives(FaultCluster faults, FaultPlan plan) throws Exception {
    cluster = faults.cluster();
    try (LoadProcess load = LoadProcess.start(faults, seed)) {
      new FaultRun(faults, load).run(plan);
      load.end();
      for (int mount = 0; mount < FaultCluster.MOUNTS; mount++) {
        assertThat(load.readAll(mount)).as("all can be read on mount " + mount).isTrue();
      }
      converges();
      List<String> verdict = load.judge();
      System.out.println(verdict.get(0));
      assertThat(verdict.subList(1, verdict.size())).as("seed " + seed).isEmpty();
      load.plant();
      String planted = String.join("\n", load.judge());
      assertThat(planted)
          .contains("planted reader", "planted owner", "planted session", "token 1.0")
          .contains("planted opener");
    }
  }

  private FaultPlan plan() {
    if (!ONLY.isEmpty()) {
      return FaultPlan.of(seed, Arrays.stream(ONLY.split(",")).map(Fault::valueOf).toList());
    }
    return ROUNDS == 0 ? FaultPlan.quick(seed) : FaultPlan.rounds(seed, ROUNDS);
  }

  private void converges() throws Exception {
    long ms;
    try {
      ms = cluster.eventually("no mark is left", 60, cluster::hasNoMark);
    } catch (ConditionTimeoutException e) {
      System.out.println(cluster.lockstep("heal", "status").out());
      System.out.println(cluster.lockstep("heal", "list", FaultCluster.VOLUME).out());
      System.out.println(cluster.lockstep("lock", "dump").out());
      throw e;
    }
    System.out.println("no mark is left after " + ms + " ms");
    Said check = cluster.lockstep("volume", "check", FaultCluster.VOLUME, "--output=json");
    assertThat(check.exitCode()).as(check.out() + check.err()).isZero();
    assertThat(check.json().get(0).path("members")).hasSize(FaultCluster.STORAGES);
    for (JsonNode row :
        cluster.lockstep("heal", "status", "--output=json").json().path("members")) {
      assertThat(row.path("mode").asText()).isEqualTo("RW");
    }
  }
}
