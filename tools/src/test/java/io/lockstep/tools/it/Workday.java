package io.lockstep.tools.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Confined to the thread of the test. The script {@code tools/scripts/workday} at work on a mount,
 * as a child process.
 */
final class Workday implements AutoCloseable {
  private static final Pattern VERDICT =
      Pattern.compile("workday ok rounds=(\\d+) probes=(\\d+) longest_stall_ms=(\\d+)");

  private static final Pattern STALL = Pattern.compile("workday probe longest_stall_ms=(\\d+)");

  /** Never reached: the test says when it has seen enough. */
  private static final int SECONDS_MAX = 900;

  private final Process process;
  private final Path out;

  Workday(Path mountPoint) throws IOException {
    Path script = TestCluster.launcher().resolveSibling("tools").resolve("scripts/workday");
    out = Files.createTempFile("workday", ".out");
    ProcessBuilder builder =
        new ProcessBuilder(
                List.of(
                    script.toString(),
                    mountPoint.toString(),
                    "--seconds",
                    Integer.toString(SECONDS_MAX),
                    "--until",
                    enough().toString()))
            .redirectErrorStream(true)
            .redirectInput(Path.of("/dev/null").toFile())
            .redirectOutput(out.toFile());
    // What it made stays, so that the check at the end compares all of it.
    builder.environment().put("LOCKSTEP_WORKDAY_KEEP", "1");
    process = builder.start();
  }

  String output() throws IOException {
    return Files.readString(out, StandardCharsets.UTF_8);
  }

  private Path enough() {
    return out.resolveSibling(out.getFileName() + ".enough");
  }

  /** Rounds that were finished, of all lanes together. */
  long rounds() throws IOException {
    assertThat(process.isAlive()).as("the workday goes on:%n%s", output()).isTrue();
    return output().lines().filter(line -> line.contains(" round ")).count();
  }

  /** The longest time in ms that one small piece of work took so far. */
  long longestStallMs() throws IOException {
    return STALL
        .matcher(output())
        .results()
        .mapToLong(it -> Long.parseLong(it.group(1)))
        .max()
        .orElse(0);
  }

  /** Each lane ends its round, and no program saw an error. */
  void awaitOk(int seconds) throws IOException, InterruptedException {
    Files.createFile(enough());
    assertThat(process.waitFor(seconds, TimeUnit.SECONDS)).as("it ends:%n%s", output()).isTrue();
    Matcher verdict = VERDICT.matcher(output());
    assertThat(verdict.find()).as("verdict:%n%s", output()).isTrue();
    assertThat(process.exitValue()).isZero();
    System.out.println(verdict.group());
  }

  @Override
  public void close() throws IOException {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
    Files.deleteIfExists(enough());
    Files.delete(out);
  }
}
