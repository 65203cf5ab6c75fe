package io.lockstep.tools.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcessIdentityTest {
  @TempDir private Path directory;

  @Test
  void thisProcessIsAlive() {
    assertThat(ProcessIdentity.current().isAlive()).isTrue();
  }

  @Test
  void processThatEndedIsNotAlive() throws Exception {
    Process child = new ProcessBuilder("sleep", "100").start();
    ProcessIdentity identity = ProcessIdentity.of(child.pid()).orElseThrow();
    assertThat(identity.isAlive()).isTrue();
    assertThat(identity.kill()).isTrue();
    child.waitFor();
    assertThat(identity.isAlive()).isFalse();
    assertThat(identity.kill()).isFalse();
    assertThat(identity.terminate()).isFalse();
  }

  @Test
  void anotherProcessWithTheSamePidIsLeftAlone() throws Exception {
    Process child = new ProcessBuilder("sleep", "100").start();
    try {
      ProcessIdentity actual = ProcessIdentity.of(child.pid()).orElseThrow();
      ProcessIdentity earlier =
          new ProcessIdentity(actual.pid(), actual.startTicks() - 1, actual.boot());
      ProcessIdentity otherBoot =
          new ProcessIdentity(actual.pid(), actual.startTicks(), "another boot");
      assertThat(earlier.isAlive()).isFalse();
      assertThat(earlier.kill()).isFalse();
      assertThat(otherBoot.kill()).isFalse();
      assertThat(actual.isAlive()).isTrue();
    } finally {
      child.destroyForcibly().waitFor();
    }
  }

  @Test
  void newestRecordOfARoleCounts() throws Exception {
    ProcessRecords records = new ProcessRecords(directory);
    assertThat(records.processes()).isEmpty();
    assertThat(records.mounts()).isEmpty();
    ProcessIdentity old = new ProcessIdentity(1, 2, "b");
    records.started("master", old);
    records.started("storage-1", old);
    records.mounting(Path.of("/mnt/with a blank"));
    records.started("master", ProcessIdentity.current());
    assertThat(records.processes())
        .containsEntry("master", ProcessIdentity.current())
        .containsEntry("storage-1", old);
    assertThat(records.live("master")).contains(ProcessIdentity.current());
    assertThat(records.live("storage-1")).isEmpty();
    assertThat(records.live("storage-9")).isEmpty();
    assertThat(records.mounts()).isEqualTo(Set.of(Path.of("/mnt/with a blank")));
    records.clear();
    assertThat(records.processes()).isEmpty();
  }

  @Test
  void readyFileSpeaksOnlyOfALiveProcess() throws Exception {
    Path file = directory.resolve("run").resolve("master.ready");
    assertThat(ReadyFile.readLive(file)).isEmpty();
    ReadyFile ready =
        new ReadyFile("master", ProcessIdentity.current(), "127.0.0.1:20000", 12, null);
    ready.write(file);
    assertThat(ReadyFile.readLive(file)).contains(ready);
    new ReadyFile("master", new ProcessIdentity(1, 2, "b"), "127.0.0.1:20000", 12, null)
        .write(file);
    assertThat(ReadyFile.readLive(file)).isEmpty();
    Files.writeString(file, "{\"role\":");
    assertThat(ReadyFile.readLive(file)).isEmpty();
  }
}
