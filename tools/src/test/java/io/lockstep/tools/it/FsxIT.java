package io.lockstep.tools.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.fs.fuse.Posix;
import io.lockstep.tools.it.TestCluster.Said;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Random operations on files through two mounts in turn: every read is as one filesystem would
 * answer it. {@code -Dseed=} replays one, {@code -Dfsx.seeds=} tries more of them.
 */
@ExtendWith(FailureWatch.class)
class FsxIT implements FailureWatch.WithCluster {
  private static final String VOLUME = "demo";
  private static final int STEPS = Integer.getInteger("fsx.steps", 2_500);
  private static final int SEEDS = Integer.getInteger("fsx.seeds", 1);
  private static final Long SEED = Long.getLong("seed");

  private static TestCluster cluster;
  private static Path here;
  private static Path there;

  @BeforeAll
  static void start() throws Exception {
    cluster = TestCluster.start("fsx", 3);
    cluster.createVolume(VOLUME, 3);
    here = cluster.mount("mount-a", VOLUME);
    there = cluster.mount("mount-b", VOLUME);
  }

  @AfterAll
  static void stop() throws Exception {
    cluster.close();
  }

  @Override
  public TestCluster cluster() {
    return cluster;
  }

  @Test
  void twoMountsAreOneFilesystem() throws Exception {
    long first = SEED != null ? SEED : 31;
    for (long seed = first; seed < first + SEEDS; seed++) {
      System.out.println("fsx with seed " + seed + ", " + STEPS + " steps");
      String directory = "fsx-" + seed;
      Files.createDirectory(here.resolve(directory));
      List<String> mounts =
          List.of(here.resolve(directory).toString(), there.resolve(directory).toString());
      Fsx fsx = new Fsx(mounts, seed, true, new FsxCalls());
      try {
        fsx.run(STEPS);
      } catch (Fsx.Differs | Posix.Failed | Error e) {
        throw new AssertionError(
            e.getMessage() + " (-Dseed=" + seed + "), after\n" + fsx.trace(), e);
      }
      System.out.println("fsx did " + fsx.done());
      assertThat(fsx.done()).containsOnlyKeys(Fsx.Step.values());
    }
    cluster.eventually("no mark is left", 30, cluster::hasNoMark);
    Said check = cluster.lockstep("volume", "check", VOLUME, "--output=json");
    assertThat(check.exitCode()).as(check.out() + check.err()).isZero();
  }
}
