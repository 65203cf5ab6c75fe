package io.lockstep.tools.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.tools.cluster.ClusterDirectory;
import io.lockstep.tools.it.TestCluster.Said;
import io.lockstep.tools.process.MountTable;
import io.lockstep.tools.process.ProcessIdentity;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The command {@code quickstart} as a newcomer runs it: five processes that outlive it. */
class QuickstartIT {
  /** The bound of 15 s from a built tree to a usable mount, plus 5 s. */
  private static final long READY_MS_MAX = 20_000;

  private Path top;
  private Path mountPoint;

  @BeforeEach
  void directories() throws Exception {
    top = TestCluster.runDirectory("quick");
    mountPoint = top.resolve("home").resolve("lockstep");
  }

  private Said quickstart(String... words) throws Exception {
    List<String> all = new ArrayList<>(List.of("quickstart"));
    all.addAll(List.of(words));
    all.add("--dir=" + top);
    return TestCluster.run(Map.of("HOME", top.resolve("home").toString()), all);
  }

  private Map<String, ProcessIdentity> running() throws Exception {
    Map<String, ProcessIdentity> running = new TreeMap<>();
    new ClusterDirectory(top)
        .records()
        .processes()
        .forEach(
            (role, process) -> {
              if (process.isAlive()) {
                running.put(role, process);
              }
            });
    return running;
  }

  @AfterEach
  void stop() throws Exception {
    quickstart("stop");
    assertThat(running()).isEmpty();
    TestCluster.removeTree(top);
  }

  @Test
  void clusterStartsKeepsItsDataAndStops() throws Exception {
    long startNs = System.nanoTime();
    Said first = quickstart();
    long readyMs = (System.nanoTime() - startNs) / 1_000_000;
    assertThat(first.exitCode()).as(first.err()).isZero();
    System.out.println("quickstart was ready after " + readyMs + " ms\n" + first.err());
    assertThat(readyMs).isLessThan(READY_MS_MAX);
    assertThat(first.out()).contains("master", "storage-1", "storage-2", "storage-3", "mounted");

    Map<String, ProcessIdentity> processes = running();
    assertThat(processes).hasSize(5);
    for (ProcessIdentity process : processes.values()) {
      Path maps = Path.of("/proc", String.valueOf(process.pid()), "maps");
      assertThat(Files.readString(maps))
          .as("maps the class data archive")
          .containsPattern("/lockstep-[0-9]+\\.jsa");
    }
    assertThat(MountTable.read().on(mountPoint)).isPresent();
    byte[] bytes = new byte[3_000_000];
    new Random(7).nextBytes(bytes);
    Files.write(mountPoint.resolve("file"), bytes);
    assertThat(Files.readAllBytes(mountPoint.resolve("file"))).isEqualTo(bytes);

    assertThat(quickstart().exitCode()).isZero();
    assertThat(running()).as("running it again changes nothing").isEqualTo(processes);

    killAll(processes);
    assertThat(quickstart("status").exitCode()).isEqualTo(1);
    Said again = quickstart();
    assertThat(again.exitCode()).as(again.err()).isZero();
    assertThat(running()).hasSize(5).doesNotContainValue(processes.get("master"));
    assertThat(Files.readAllBytes(mountPoint.resolve("file"))).isEqualTo(bytes);

    Said status = quickstart("status", "--output=json");
    assertThat(status.exitCode()).isZero();
    for (JsonNode row : status.json()) {
      assertThat(row.path("state").asText()).isIn("running", "mounted");
    }
    assertThat(quickstart("stop").exitCode()).isZero();
    assertThat(running()).isEmpty();
    assertThat(MountTable.read().on(mountPoint)).isEmpty();
    assertThat(mountPoint).isEmptyDirectory();
  }

  private static void killAll(Map<String, ProcessIdentity> processes) throws Exception {
    for (ProcessIdentity process : processes.values()) {
      process.kill();
    }
    for (ProcessIdentity process : processes.values()) {
      while (process.isAlive()) {
        Thread.onSpinWait();
      }
    }
  }
}
