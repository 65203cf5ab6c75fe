package io.lockstep.replication.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataDirectoryTest {
  private static final UUID FRESH = new UUID(1, 2);

  @TempDir Path root;

  private DataDirectory open(long cluster, UUID daemon) throws Outcome {
    return DataDirectory.open(root, cluster, daemon, FRESH);
  }

  private static void refused(ThrowingCallable step, ErrorCode code, String text) {
    assertThatThrownBy(step)
        .isInstanceOfSatisfying(Outcome.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining(text);
  }

  @Test
  void identityStaysAndIncarnationRises() throws Outcome {
    try (DataDirectory first = open(0, null)) {
      assertThat(first.daemon()).isEqualTo(FRESH);
      assertThat(first.incarnation()).isEqualTo(1);
      assertThat(first.cluster()).isZero();
      first.joinCluster(9);
      first.joinCluster(9);
    }
    try (DataDirectory second = DataDirectory.open(root, 0, null, new UUID(3, 4))) {
      assertThat(second.daemon()).isEqualTo(FRESH);
      assertThat(second.incarnation()).isEqualTo(2);
      assertThat(second.cluster()).isEqualTo(9);
      refused(() -> second.joinCluster(10), ErrorCode.WRONG_CLUSTER, "belongs to cluster 9");
    }
  }

  @Test
  void directoryOfAnotherClusterOrDaemonIsRefused() throws Outcome {
    open(9, null).close();
    refused(() -> open(10, null), ErrorCode.WRONG_CLUSTER, "belongs to cluster 9");
    refused(
        () -> open(9, new UUID(7, 7)), ErrorCode.INVALID_ARGUMENT, "belongs to daemon " + FRESH);
  }

  @Test
  void directoryInUseIsRefused() throws Outcome {
    try (DataDirectory first = open(0, null)) {
      assertThat(first.root()).isEqualTo(root);
      refused(() -> open(0, null), ErrorCode.RESOURCE_BUSY, "in use by another running daemon");
    }
    open(0, null).close();
  }

  @Test
  void newerFormatAndForeignFilesAreRefused() throws Exception {
    open(0, null).close();
    Path identity = root.resolve("identity");
    byte[] bytes = Files.readAllBytes(identity);
    byte[] newer = bytes.clone();
    newer[9] = 2;
    Files.write(identity, newer);
    refused(() -> open(0, null), ErrorCode.WRONG_VERSION, "use a newer Lockstep");
    byte[] flipped = bytes.clone();
    flipped[15] ^= 1;
    Files.write(identity, flipped);
    refused(() -> open(0, null), ErrorCode.CORRUPT, "wrong checksum");
    Files.write(identity, new byte[0]);
    refused(() -> open(0, null), ErrorCode.CORRUPT, "no file of Lockstep");
    Files.delete(identity);
    Files.createDirectory(root.resolve("replicas"));
    refused(() -> open(0, null), ErrorCode.CORRUPT, "no file 'identity'");
  }

  @Test
  void fileInPlaceOfTheDirectoryIsRefused() throws Exception {
    Path file = Files.createFile(root.resolve("file"));
    assertThatThrownBy(() -> DataDirectory.open(file, 0, null, FRESH))
        .isInstanceOf(Outcome.class)
        .hasMessageContaining(file.toString());
  }
}
