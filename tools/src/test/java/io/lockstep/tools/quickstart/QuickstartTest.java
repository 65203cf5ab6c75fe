package io.lockstep.tools.quickstart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.tools.cluster.ClusterDirectory;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QuickstartTest {
  @TempDir private Path directory;

  @Test
  void refusedItLeavesNothingBehind() throws IOException {
    Path file = Files.writeString(directory.resolve("file"), "no directory");
    ClusterDirectory fresh = new ClusterDirectory(directory.resolve("fresh"));
    LocalCluster cluster = new LocalCluster(fresh, Path.of("none"), true, Map.of());
    Quickstart quickstart = new Quickstart(cluster, step -> {});
    assertThatThrownBy(() -> quickstart.start(file)).isInstanceOf(FileAlreadyExistsException.class);
    assertThat(fresh.top()).doesNotExist();
  }
}
