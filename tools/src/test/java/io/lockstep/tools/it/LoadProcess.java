package io.lockstep.tools.it;

import io.lockstep.tools.UserError;
import io.lockstep.tools.cluster.ClusterDirectory;
import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Confined to its test. The {@link FaultLoad} in a process of its own, which ends with this one.
 */
final class LoadProcess implements Closeable {
  /** How far the load is. */
  record Status(long done, long failed, int inFlight, int durable, boolean broken) {
    String text() {
      return done + " " + failed + " " + inFlight + " " + durable + " " + broken;
    }

    static Status parse(String text) {
      String[] words = text.split(" ");
      return new Status(
          Long.parseLong(words[0]),
          Long.parseLong(words[1]),
          Integer.parseInt(words[2]),
          Integer.parseInt(words[3]),
          Boolean.parseBoolean(words[4]));
    }
  }

  private final Process process;
  private final BufferedReader answers;
  private final PrintStream requests;

  private LoadProcess(Process process) {
    this.process = process;
    this.answers =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    this.requests = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
  }

  static LoadProcess start(FaultCluster faults, long seed) throws IOException, UserError {
    ClusterDirectory directory = faults.cluster().directory();
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-ea",
                "-Xmx384m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                FaultLoadMain.class.getName(),
                Long.toString(seed),
                directory.masterAddress(),
                directory.secretFile().toString()));
    faults.mounts().forEach(mount -> command.add(mount.toString()));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    faults.started("load", process);
    LoadProcess load = new LoadProcess(process);
    String first = load.answers.readLine();
    if (!"ready".equals(first)) {
      throw new IOException("the load did not start: " + first);
    }
    return load;
  }

  private String ask(String request) throws IOException {
    requests.println(request);
    String answer = answers.readLine();
    if (answer == null || answer.startsWith("wrong")) {
      throw new AssertionError("the load ended on \"" + request + "\": " + answer);
    }
    return answer;
  }

  private String demand(String request) throws IOException {
    String answer = ask(request);
    if (!answer.startsWith("ok")) {
      throw new IOException(request + ": " + answer);
    }
    return answer.substring("ok".length()).trim();
  }

  Status status() throws IOException {
    Status status = Status.parse(ask("status"));
    if (status.broken()) {
      demand("end");
    }
    return status;
  }

  /** Nothing new begins until {@link #letGo}. */
  void hold() throws IOException {
    demand("hold");
  }

  void letGo() throws IOException {
    demand("go");
  }

  /** A mount was killed: what only it had is gone, and nobody uses it for now. */
  void mountDied(int mount) throws IOException {
    demand("died " + mount);
  }

  void mountCame(int mount) throws IOException {
    demand("came " + mount);
  }

  /** No replica in step was left running. */
  void blackout() throws IOException {
    demand("blackout");
  }

  /** Everything is read once; false if that is not possible now. */
  boolean readAll(int mount) throws IOException {
    return ask("read " + mount).equals("ok");
  }

  /** All files are synced and closed; nothing more begins. */
  void end() throws IOException {
    demand("end");
  }

  /** Reads, a lock and a lease that cannot be, in the history of all the others. */
  void plant() throws IOException {
    demand("plant");
  }

  /** How much there was, and then what was wrong with it, in words. */
  List<String> judge() throws IOException {
    List<String> lines = new ArrayList<>();
    for (String line = ask("judge"); !line.isEmpty(); line = answers.readLine()) {
      lines.add(line);
    }
    return lines;
  }

  /** Makes the file of {@link FaultLiar}; its inode, or empty if that is not possible now. */
  Optional<Long> prepareLie(int mount) throws IOException {
    String answer = ask("lie-prepare " + mount);
    return answer.startsWith("ok")
        ? Optional.of(Long.parseLong(answer.substring("ok ".length())))
        : Optional.empty();
  }

  void lie(int mount) throws IOException {
    demand("lie " + mount);
  }

  boolean isLieCaught(int mount) throws IOException {
    return Boolean.parseBoolean(demand("lie-read " + mount));
  }

  @Override
  public void close() {
    process.destroyForcibly();
    requests.close();
  }
}
