package io.lockstep.tools.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.tools.it.TestCluster.Said;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;

/** A member fails while files are written: nobody notices, and it is brought back into step. */
@ExtendWith(FailureWatch.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class HealIT implements FailureWatch.WithCluster {
  private static final String VOLUME = "demo";

  /** DESIGN section 6: on the rest within 1 s after a kill; plus 5 s. */
  private static final long KILL_STALL_MS_MAX = 6_000;

  /** A frozen daemon's calls time out after 4 s, then its member turns ERR; plus 5 s. */
  private static final long FREEZE_STALL_MS_MAX = 10_000;

  private TestCluster cluster;
  private Path mountPoint;

  @BeforeAll
  void start() throws Exception {
    cluster = TestCluster.start("heal", 3);
    cluster.createVolume(VOLUME, 3);
    mountPoint = cluster.mount(TestCluster.MOUNT, VOLUME);
  }

  @AfterAll
  void stop() throws Exception {
    cluster.close();
  }

  @Override
  public TestCluster cluster() {
    return cluster;
  }

  @Test
  void killedDaemonIsHealed() throws Exception {
    JsonNode victim = cluster.memberOn(2);
    try (BusyFiles busy = new BusyFiles(mountPoint, 4, 11)) {
      busy.awaitRounds(20);
      cluster.kill(TestCluster.storage(2));
      busy.awaitRounds(40);
      String mode = cluster.mode(victim.path("member").asInt());
      assertThat(mode).as("the killed member while writes went on").isEqualTo("ERR");
      listsWhatItMissed(victim.path("member").asInt());
      cluster.startStorage(2);
      cluster.ready(TestCluster.storage(2));
      busy.awaitRounds(20);
      System.out.println("longest stall " + busy.longestStallMs() + " ms with a kill");
      assertThat(busy.longestStallMs()).isLessThan(KILL_STALL_MS_MAX);
      cluster.eventually("heal while writes go on", 60, cluster::isClean);
    }
    provesHealed(victim.path("member").asInt());
  }

  /** By both members that are left, and it cannot be asked itself. */
  private void listsWhatItMissed(int member) throws Exception {
    Said said = cluster.lockstep("heal", "list", VOLUME, "--output=json");
    assertThat(said.exitCode()).isEqualTo(1);
    assertThat(said.err()).contains("not listed: member " + member);
    Set<Integer> tellers = new HashSet<>();
    boolean named = false;
    for (JsonNode row : said.json()) {
      assertThat(row.path("missedBy")).as("%s", row).hasSize(1);
      assertThat(row.path("missedBy").get(0).asInt()).isEqualTo(member);
      named |= row.path("file").asText().startsWith("/");
      tellers.add(row.path("member").asInt());
    }
    assertThat(tellers).hasSize(2);
    assertThat(named).as(said.out()).isTrue();
  }

  @Test
  void frozenDaemonIsLeftBehindAndHealed() throws Exception {
    JsonNode victim = cluster.memberOn(3);
    try (BusyFiles busy = new BusyFiles(mountPoint, 4, 12)) {
      busy.awaitRounds(20);
      cluster.freeze(TestCluster.storage(3));
      busy.awaitRounds(60);
      assertThat(cluster.mode(victim.path("member").asInt())).isEqualTo("ERR");
      cluster.resume(TestCluster.storage(3));
      busy.awaitRounds(20);
      System.out.println("longest stall " + busy.longestStallMs() + " ms with a freeze");
      assertThat(busy.longestStallMs()).isLessThan(FREEZE_STALL_MS_MAX);
    }
    provesHealed(victim.path("member").asInt());
  }

  private void provesHealed(int member) throws Exception {
    long ms = cluster.eventually("heal ends by itself", 60, cluster::isClean);
    JsonNode healed = null;
    for (JsonNode row :
        cluster.lockstep("heal", "status", "--output=json").json().path("members")) {
      healed = row.path("member").asInt() == member ? row : healed;
    }
    System.out.println("healed " + healed + " after " + ms + " ms more");
    assertThat(healed).isNotNull();
    assertThat(healed.path("mode").asText()).isEqualTo("RW");
    assertThat(healed.path("healBytes").asLong()).as("bytes that the heal moved").isPositive();
    Said check = cluster.lockstep("volume", "check", VOLUME, "--output=json");
    assertThat(check.exitCode()).as(check.out() + check.err()).isZero();
    assertThat(check.json().get(0).path("files").asInt()).isPositive();
    assertThat(check.json().get(0).path("members")).hasSize(3);
  }
}
