package io.lockstep.metadata.catalogue;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Each file of {@code scenarios/keeper} is a script with everything that comes of it. After a
 * change that is meant, {@code -Dscenarios.write=true} writes them anew: then read the difference.
 */
class SetKeeperTest {
  private static final Path SCENARIOS = Path.of("src/test/resources/scenarios/keeper");

  static List<String> scenarios() throws IOException {
    try (Stream<Path> files = Files.list(SCENARIOS)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void traceIsAsWritten(String name) throws IOException {
    Path file = SCENARIOS.resolve(name);
    String written = Files.readString(file, StandardCharsets.UTF_8);
    String comments =
        String.join("", written.lines().filter(l -> l.startsWith("#")).map(l -> l + "\n").toList());
    String now = comments + KeeperScript.run(written);
    if (Boolean.getBoolean("scenarios.write")) {
      Files.writeString(file, now, StandardCharsets.UTF_8);
    }
    assertThat(now).isEqualTo(written);
  }

  @Test
  void thereAreScenarios() {
    try {
      assertThat(scenarios()).hasSizeGreaterThan(8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
