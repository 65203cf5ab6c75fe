package io.lockstep.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

class MainTest {
  @TempDir private Path directory;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... words) {
    return Main.commandLine()
        .setOut(new PrintWriter(out))
        .setErr(new PrintWriter(err))
        .execute(words);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "frobnicate | Unmatched argument at index 0: 'frobnicate' (see: lockstep help)",
        "mount demo | Missing required parameter: 'DIR' (see: lockstep help mount)",
        "volume | which command? one of: create, list, info, delete, check (see: lockstep help volume)",
        "volume create a/b --master x:1 --secret-file s | volume name \"a/b\": expected",
        "volume create a --replicas 8 --master x:1 --secret-file s | --replicas is 8, expected 1 to 7",
        "volume create a --owner ann --master x:1 --secret-file s | --owner is 'ann', expected UID:GID",
        "volume create a --mode 9 --master x:1 --secret-file s | --mode is '9', expected octal digits",
        "volume create a --replicas x | Invalid value for option '--replicas'",
        "volume create a --min-replicas 0 --master x:1 | --min-replicas is 0, expected 1 to 3",
        "volume info a/b --master x:1 --secret-file s | volume name \"a/b\": expected",
        "heal status --volume .. --master x:1 --secret-file s | volume name \"..\": expected",
        "volume create a --replicas 2 --min-replicas 3 --master x:1 | --min-replicas is 3",
        "volume list --output xml | Invalid value for option '--output'",
        "volume list --master here --secret-file s | --master: masters is \"here\", expected HOST:PORT",
        "master --secret-file s | lockstep: master: data is missing, expected a path",
        "storage --data d --secret-file s --masters a:1 --host 192.0.2.1 | expected a loopback address",
        "storage --config none.yaml | none.yaml: no such file",
        "storage --config . | .: cannot be read: Is a directory",
        "master --data d --secret-file s --port 99999 | master: port is \"99999\", expected a whole number",
        "lock clear --master x:1 --secret-file s | clear what? give --older-than AGE",
        "lock clear --older-than 5w | \"5w\" is no age, expected one like 500ms",
        "bench none | none is not a directory",
        "explore | which state machine? one of: eager-lock (see: lockstep help explore)",
        "repro | which bug? one of: eager-lock (see: lockstep help repro)",
        "repro eager-lock --threads 1 | --threads is 1, expected 2 to 256",
        "repro eager-lock --delay nap=1..2 | --delay is \"nap=1..2\", expected point=ms..ms",
        "stress none | none is not a directory",
        "explore eager-lock --writers 9 | --writers is 9, expected 1 to 4",
        "explore eager-lock --variant afr-after --readers 1 | afr-after has no readers and no buffers",
        "explore eager-lock --variant ours | --variant is \"ours\", expected afr-before, afr-after",
      })
  void misuseIsOneLineAndExitCode2(String line, String complaint) {
    assertThat(run(line.split(" "))).isEqualTo(2);
    assertThat(err.toString()).startsWith("lockstep: ").contains(complaint);
    assertThat(err.toString().lines()).hasSize(1);
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void whatBreaksLinesIsEscaped() {
    assertThat(run("volume", "info", "a\nb", "--master", "x:1", "--secret-file", "s")).isEqualTo(2);
    assertThat(run("frobni\ncate")).isEqualTo(2);
    assertThat(err.toString().lines())
        .hasSize(2)
        .anyMatch(line -> line.contains("volume name \"a\\x0ab\""))
        .anyMatch(line -> line.contains("'frobni\\x0acate'"));
  }

  @Test
  void failureIsOneLineAndExitCode1() {
    assertThat(run("quickstart", "status", "--dir", directory.resolve("none").toString()))
        .isEqualTo(1);
    assertThat(err.toString()).startsWith("lockstep: no quickstart in ");
    assertThat(run("umount", directory.toString())).isEqualTo(1);
    assertThat(err.toString()).contains("nothing is mounted on " + directory);
    assertThat(run("cluster", "status", "--master=x:1", "--secret-file=" + directory)).isEqualTo(1);
    assertThat(run("simulate", "--seeds", "20")).isEqualTo(1);
    assertThat(err.toString().lines()).hasSize(4);
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void nothingToDoShowsHelp() {
    assertThat(run()).isEqualTo(2);
    assertThat(err.toString()).contains("Usage: lockstep", "quickstart", "Example:");
  }

  static Stream<List<String>> commands() {
    List<List<String>> found = new ArrayList<>();
    collect(Main.commandLine(), List.of(), found);
    return found.stream();
  }

  private static void collect(CommandLine command, List<String> words, List<List<String>> found) {
    command
        .getSubcommands()
        .forEach(
            (name, below) -> {
              List<String> longer = new ArrayList<>(words);
              longer.add(name);
              if (!name.equals("help")) {
                found.add(longer);
                collect(below, longer, found);
              }
            });
  }

  @ParameterizedTest
  @MethodSource("commands")
  void everyCommandHasHelpWithAnExample(List<String> words) {
    List<String> asked = new ArrayList<>(words);
    asked.add("--help");
    assertThat(run(asked.toArray(String[]::new))).isZero();
    assertThat(out.toString()).contains("Usage: lockstep " + String.join(" ", words), "Example: ");
  }

  @Test
  void completionKnowsTheCommands() {
    assertThat(run("completion")).isZero();
    assertThat(out.toString()).contains("quickstart", "volume", "_complete_lockstep");
  }
}
