package io.lockstep.tools.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SecretFileTest {
  @TempDir private Path directory;

  @Test
  void secretIsMadeOnceForTheOwnerOnly() throws Exception {
    Path file = directory.resolve("secret");
    SecretFile.ensure(file);
    byte[] first = SecretFile.read(file);
    SecretFile.ensure(file);
    assertThat(first).hasSize(32);
    assertThat(SecretFile.read(file)).isEqualTo(first);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    try (var files = Files.list(directory)) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void secretThatOthersCanReadIsRefused() throws Exception {
    Path file = directory.resolve("secret");
    SecretFile.ensure(file);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
    assertThatThrownBy(() -> SecretFile.read(file)).hasMessageContaining("chmod 600");
  }

  @Test
  void directoryIsNoSecretWhateverItsMode() {
    assertThatThrownBy(() -> SecretFile.read(directory)).hasMessageContaining("is a directory");
  }

  @Test
  void shortOrGarbledSecretIsRefused() throws Exception {
    Path file = directory.resolve("secret");
    SecretFile.ensure(file);
    Files.writeString(file, "abcd");
    assertThatThrownBy(() -> SecretFile.read(file)).hasMessageContaining("holds 2 bytes");
    Files.writeString(file, "no hex at all");
    assertThatThrownBy(() -> SecretFile.read(file)).hasMessageContaining("in hexadecimal");
    assertThatThrownBy(() -> SecretFile.read(directory.resolve("none")))
        .hasMessageContaining("no such secret file");
  }
}
