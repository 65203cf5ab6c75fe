package io.lockstep.lockd.posix;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.Times;
import io.lockstep.lockd.posix.LockRequest.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Scripts with the whole expected trace: each line that is a command is followed by its effects,
 * indented. {@code -Dscenarios.rewrite=true} writes what the table does now into the files.
 */
class FileLockScenarioTest {
  private static final Path SCENARIOS = Path.of("src/test/resources/scenarios/locks");
  private static final long MS = 1_000_000;

  private final FileLockTable table = new FileLockTable(FileLockLimits.of(Times.DEFAULT));
  private long nowNs;

  static List<Path> scenarios() throws IOException {
    try (Stream<Path> files = Files.list(SCENARIOS)) {
      return files.filter(file -> file.toString().endsWith(".txt")).sorted().toList();
    }
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void traceIsAsWritten(Path scenario) throws IOException {
    String expected = Files.readString(scenario);
    StringBuilder actual = new StringBuilder();
    for (String line : expected.lines().toList()) {
      if (line.isBlank() || line.startsWith("#")) {
        actual.append(line).append('\n');
      } else if (!line.startsWith(" ")) {
        actual.append(line).append('\n').append(run(line).indent(4));
      }
    }
    if (Boolean.getBoolean("scenarios.rewrite")) {
      Files.writeString(scenario, actual);
    } else {
      assertThat(actual.toString()).isEqualTo(expected);
    }
  }

  /** Like {@code write s=11 op=1 o=5 0-10 wait}. */
  private String run(String line) {
    String[] words = line.split(" ");
    Map<String, String> args = new HashMap<>();
    for (String word : Arrays.copyOfRange(words, 1, words.length)) {
      int equals = word.indexOf('=');
      args.put(equals < 0 ? word : word.substring(0, equals), word.substring(equals + 1));
      if (word.matches("[0-9]+-[0-9]*")) {
        args.put("range", word);
      }
    }
    long session = number(args, "s");
    return switch (words[0]) {
      case "start" -> {
        String sessions = args.getOrDefault("sessions", "");
        yield render(
            table.onStarted(
                sessions.isEmpty()
                    ? List.of()
                    : Arrays.stream(sessions.split(",")).map(Long::valueOf).toList(),
                nowNs));
      }
      case "read", "write", "unlock", "drop" ->
          render(table.onRequest(request(words[0], session, args), nowNs));
      case "cancel" ->
          render(table.onCancel(session, number(args, "op"), number(args, "below"), nowNs));
      case "end" -> render(table.onSessionEnded(session, nowNs));
      case "reclaim" -> {
        List<LockRequest> told = new ArrayList<>();
        if (args.containsKey("range")) {
          told.add(request("write", session, args));
        }
        boolean last = args.containsKey("last");
        yield table.onReclaim(session, told, last, nowNs).isEmpty() ? "taken\n" : "refused\n";
      }
      case "advance" -> {
        nowNs += number(args, "ms") * MS;
        yield render(table.onTick(nowNs));
      }
      case "rows" -> rows();
      default -> throw new IllegalArgumentException(line);
    };
  }

  private static LockRequest request(String kind, long session, Map<String, String> args) {
    String[] range = args.getOrDefault("range", "0-").split("-", -1);
    return new LockRequest(
        session,
        number(args, "op"),
        number(args, "below"),
        7,
        args.containsKey("flock"),
        number(args, "o"),
        Long.parseLong(range[0]),
        range[1].isEmpty() ? Long.MAX_VALUE : Long.parseLong(range[1]),
        Kind.valueOf(kind.toUpperCase(Locale.ROOT)),
        args.containsKey("wait"),
        1);
  }

  private String rows() {
    StringBuilder out = new StringBuilder();
    for (FileLockTable.Row row : table.rows(100, nowNs)) {
      String end = row.end() == Long.MAX_VALUE ? "" : String.valueOf(row.end());
      out.append(row.flock() ? "flock" : "fcntl")
          .append(" s=" + row.session() + " o=" + row.owner())
          .append(row.write() ? " WRITE " : " READ ")
          .append(row.start() + "-" + end)
          .append(row.waiting() ? " waits\n" : "\n");
    }
    return out.isEmpty() ? "nothing\n" : out.toString();
  }

  private static String render(List<LockEffect> effects) {
    StringBuilder out = new StringBuilder();
    for (LockEffect effect : effects) {
      if (effect instanceof LockEffect.Answer it) {
        out.append("answer s=" + it.session() + " op=" + it.operation() + " ")
            .append(it.waiting() ? "WAITING\n" : it.code() + "\n");
      } else if (effect instanceof LockEffect.Tell it) {
        out.append("tell s=" + it.session() + " op=" + it.operation() + " " + it.code() + "\n");
      } else {
        out.append(effect + "\n");
      }
    }
    return out.isEmpty() ? "nothing\n" : out.toString();
  }

  private static long number(Map<String, String> args, String name) {
    return Long.parseLong(args.getOrDefault(name, "0"));
  }
}
