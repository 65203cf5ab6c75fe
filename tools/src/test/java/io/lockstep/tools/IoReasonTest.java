package io.lockstep.tools;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IoReasonTest {
  @TempDir private Path directory;

  private static String reason(ThrowingCallable call) {
    return IoReason.withFile(catchThrowableOfType(IOException.class, call));
  }

  @Test
  void failuresOfFilesAreNamedByFileAndReason() throws IOException {
    Path file = Files.createFile(directory.resolve("file"));
    assertThat(reason(() -> Files.readString(directory.resolve("none"))))
        .isEqualTo(directory.resolve("none") + ": no such file or directory");
    assertThat(reason(() -> Files.createDirectories(file)))
        .isEqualTo(file + ": is a file, expected a directory");
    assertThat(reason(() -> Files.createDirectory(directory)))
        .isEqualTo(directory + ": is there already");
    assertThat(reason(() -> Files.createDirectory(file.resolve("below"))))
        .isEqualTo(file.resolve("below") + ": Not a directory");
    assertThat(IoReason.withFile(new AccessDeniedException("secret")))
        .isEqualTo("secret: permission denied");
    assertThat(IoReason.withFile(new IOException("it is late")))
        .isEqualTo("IOException: it is late");
  }
}
