package io.lockstep.metadata.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataDirectoryTest {
  @TempDir Path root;

  private Path path() {
    return root.resolve("master");
  }

  private String identity() throws IOException {
    return Files.readString(path().resolve("identity"), StandardCharsets.US_ASCII);
  }

  private void writeIdentity(String text) throws IOException {
    Files.writeString(path().resolve("identity"), text, StandardCharsets.US_ASCII);
  }

  @Test
  void newDirectoryGetsTheClusterAskedForAndKeepsIt() throws IOException {
    try (DataDirectory made = DataDirectory.open(path(), 0xabcdL)) {
      assertThat(made.isFresh()).isTrue();
      assertThat(made.cluster()).isEqualTo(0xabcdL);
    }
    try (DataDirectory found = DataDirectory.open(path(), 0)) {
      assertThat(found.isFresh()).isFalse();
      assertThat(found.cluster()).isEqualTo(0xabcdL);
    }
  }

  @Test
  void newDirectoryMakesAClusterIfNoneIsNamed() throws IOException {
    try (DataDirectory made = DataDirectory.open(path(), 0)) {
      assertThat(made.cluster()).isNotZero();
    }
  }

  @Test
  void otherClusterIsRefused() throws IOException {
    DataDirectory.open(path(), 1).close();
    assertThatThrownBy(() -> DataDirectory.open(path(), 2))
        .hasMessage(
            "data directory "
                + path()
                + " belongs to cluster 0000000000000001, not to 0000000000000002");
    // The refusal left no lock behind.
    DataDirectory.open(path(), 1).close();
  }

  @Test
  void directoryInUseIsRefused() throws IOException {
    try (DataDirectory held = DataDirectory.open(path(), 1)) {
      assertThatThrownBy(() -> DataDirectory.open(path(), 1))
          .hasMessage("data directory " + held.path() + " is in use by another process");
    }
  }

  @Test
  void newerFormatIsRefused() throws IOException {
    DataDirectory.open(path(), 1).close();
    writeIdentity("lockstep-master 2\nsomething else\n");
    assertThatThrownBy(() -> DataDirectory.open(path(), 1))
        .hasMessageContaining("has format 2, newer than the 1");
  }

  @Test
  void damagedIdentityIsRefused() throws IOException {
    DataDirectory.open(path(), 1).close();
    writeIdentity(identity().replace("0001", "0002"));
    assertThatThrownBy(() -> DataDirectory.open(path(), 0)).hasMessageContaining("is damaged");
  }

  @Test
  void foreignDirectoryIsRefused() throws IOException {
    Files.createDirectories(path());
    Files.writeString(path().resolve("diary"), "dear");
    assertThatThrownBy(() -> DataDirectory.open(path(), 0))
        .hasMessageContaining("is not a master's data directory and not empty: it has 'diary'");
  }

  @Test
  void identityHasKindVersionClusterAndChecksum() throws IOException {
    DataDirectory.open(path(), 0x0123456789abcdefL).close();
    assertThat(identity())
        .isEqualTo("lockstep-master 1\ncluster 0123456789abcdef\ncrc32c b34ea6d2\n");
  }
}
