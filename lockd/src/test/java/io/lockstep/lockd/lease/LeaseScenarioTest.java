package io.lockstep.lockd.lease;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Scripts with the whole expected trace: each line that is a command is followed by its effects,
 * indented. {@code -Dscenarios.rewrite=true} writes what the table does now into the files.
 */
class LeaseScenarioTest {
  private static final Path SCENARIOS = Path.of("src/test/resources/scenarios");

  static List<Path> scenarios() throws IOException {
    try (Stream<Path> files = Files.list(SCENARIOS)) {
      return files.filter(file -> file.toString().endsWith(".txt")).sorted().toList();
    }
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void traceIsAsWritten(Path scenario) throws IOException {
    String expected = Files.readString(scenario);
    String actual = trace(expected);
    if (Boolean.getBoolean("scenarios.rewrite")) {
      Files.writeString(scenario, actual);
    } else {
      assertThat(actual).isEqualTo(expected);
    }
  }

  /** The same commands and comments, with the effects of this run. */
  private static String trace(String text) {
    LeaseScript script = new LeaseScript(LeaseRules.PRODUCTION);
    StringBuilder out = new StringBuilder();
    for (String line : text.lines().toList()) {
      if (line.isBlank() || line.startsWith("#")) {
        out.append(line).append('\n');
      } else if (!line.startsWith(" ")) {
        out.append(line).append('\n').append(script.run(line).indent(4));
      }
    }
    return out.toString();
  }
}
