package io.lockstep.tools.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.tools.it.TestCluster.Said;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Real programs at work while processes die and hang: none of them sees an error. */
@ExtendWith(FailureWatch.class)
class WorkdayIT implements FailureWatch.WithCluster {
  private static final String VOLUME = "demo";

  /** No stall over 10 s; plus 5 s. */
  private static final long STALL_MS_MAX = 15_000;

  private static final int FREEZE_SECONDS = 20;
  private static final int END_SECONDS = 300;

  private TestCluster cluster;
  private Path mountPoint;

  @BeforeEach
  void start() throws Exception {
    cluster = TestCluster.start("work", 3);
    cluster.createVolume(VOLUME, 3);
    mountPoint = cluster.mount(TestCluster.MOUNT, VOLUME);
  }

  @AfterEach
  void stop() throws Exception {
    cluster.close();
  }

  @Override
  public TestCluster cluster() {
    return cluster;
  }

  /** One day for both: a second one would begin with the same work and compare the same files. */
  @Test
  void noProgramNoticesThatDaemonsDieAndHang() throws Exception {
    int killed = cluster.memberOn(2).path("member").asInt();
    int frozen = cluster.memberOn(3).path("member").asInt();
    try (Workday day = new Workday(mountPoint)) {
      awaitRounds(day, 4);
      cluster.kill(TestCluster.storage(2));
      cluster.eventually("the killed member is ERR", 30, () -> isMode(killed, "ERR"));
      awaitRounds(day, 4);
      cluster.startStorage(2);
      cluster.eventually("the killed member is healed", 90, () -> isMode(killed, "RW"));
      freezeForAWhile(day, frozen);
      awaitRounds(day, 4);
      assertThat(day.longestStallMs()).as("longest stall in ms").isBetween(1L, STALL_MS_MAX);
      cluster.kill(TestCluster.MASTER);
      cluster.startMaster();
      cluster.ready(TestCluster.MASTER);
      awaitRounds(day, 4);
      day.awaitOk(END_SECONDS);
    }
    provesEqual();
    assertThat(healedBytes(killed)).as("bytes healed on the killed member").isPositive();
    assertThat(healedBytes(frozen)).as("bytes healed on the frozen member").isPositive();
  }

  private void freezeForAWhile(Workday day, int member) throws Exception {
    cluster.freeze(TestCluster.storage(3));
    long untilNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(FREEZE_SECONDS);
    cluster.eventually("the frozen member is ERR", 30, () -> isMode(member, "ERR"));
    long before = day.rounds();
    cluster.eventually("frozen long enough", 30, () -> System.nanoTime() - untilNs >= 0);
    assertThat(day.rounds()).as("rounds while it was frozen").isGreaterThan(before);
    cluster.resume(TestCluster.storage(3));
  }

  private void awaitRounds(Workday day, long more) throws Exception {
    long goal = day.rounds() + more;
    cluster.eventually("rounds of work", 120, () -> day.rounds() >= goal);
  }

  private boolean isMode(int member, String mode) throws Exception {
    return cluster.mode(member).equals(mode);
  }

  private long healedBytes(int member) throws Exception {
    for (JsonNode row :
        cluster.lockstep("heal", "status", "--output=json").json().path("members")) {
      if (row.path("member").asInt() == member) {
        return row.path("healBytes").asLong();
      }
    }
    return 0;
  }

  private void provesEqual() throws Exception {
    cluster.eventually("heal ends by itself", 60, cluster::isClean);
    Said check = cluster.lockstep("volume", "check", VOLUME, "--output=json");
    assertThat(check.exitCode()).as(check.out() + check.err()).isZero();
    assertThat(check.json().get(0).path("members")).hasSize(3);
  }
}
