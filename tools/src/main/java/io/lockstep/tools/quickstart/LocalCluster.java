package io.lockstep.tools.quickstart;

import io.lockstep.tools.UserError;
import io.lockstep.tools.cluster.ClusterDirectory;
import io.lockstep.tools.process.ProcessIdentity;
import io.lockstep.tools.process.ReadyFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Confined to its caller. The processes of a cluster in one directory: starts each through the
 * launcher, records it before anything else, waits until it is ready, ends it.
 */
public final class LocalCluster {
  private static final long POLL_NS = TimeUnit.MILLISECONDS.toNanos(10);
  private static final long TERMINATE_NS = TimeUnit.SECONDS.toNanos(25);
  private static final long KILL_NS = TimeUnit.SECONDS.toNanos(5);

  private final ClusterDirectory directory;
  private final Path launcher;
  private final boolean endsWithCaller;
  private final Map<String, String> environment;

  /** Those that this object started; the others are known by their records only. */
  private final Map<String, Process> children = new LinkedHashMap<>();

  /**
   * @param launcher the script {@code lockstep}
   * @param endsWithCaller the processes stop when the caller's process ends (tests); otherwise they
   *     outlive it and its terminal
   * @param environment of the processes, beside that of the caller
   */
  public LocalCluster(
      ClusterDirectory directory,
      Path launcher,
      boolean endsWithCaller,
      Map<String, String> environment) {
    this.directory = directory;
    this.environment = Map.copyOf(environment);
    this.launcher = launcher;
    this.endsWithCaller = endsWithCaller;
  }

  /** The launcher that this process was started by. */
  public static Path launcher() throws UserError {
    String home = System.getenv("LOCKSTEP_HOME");
    if (home == null) {
      throw UserError.failed("LOCKSTEP_HOME is not set: start this through the script lockstep");
    }
    return Path.of(home, "lockstep");
  }

  public ClusterDirectory directory() {
    return directory;
  }

  public void startMaster(int port) throws IOException {
    start(
        ClusterDirectory.MASTER,
        List.of(
            "master",
            "--data=" + directory.data(ClusterDirectory.MASTER),
            "--port=" + port,
            "--secret-file=" + directory.secretFile()));
  }

  public void startStorage(String role, String masterAddress) throws IOException {
    start(
        role,
        List.of(
            "storage",
            "--data=" + directory.data(role),
            "--masters=" + masterAddress,
            "--secret-file=" + directory.secretFile()));
  }

  /**
   * Starts a mount; its role is the name under which it is found again.
   *
   * @param options further words of the command line
   */
  public void startMount(
      String role, String masterAddress, String volume, Path mountPoint, List<String> options)
      throws IOException {
    directory.records().mounting(mountPoint);
    List<String> words =
        new ArrayList<>(
            List.of(
                "mount",
                "--foreground",
                "--master=" + masterAddress,
                "--secret-file=" + directory.secretFile()));
    words.addAll(options);
    words.add(volume);
    words.add(mountPoint.toString());
    start(role, words);
  }

  /**
   * Starts any process of the product.
   *
   * @param words the command and what follows it; it takes the options of a daemon
   */
  public void start(String role, List<String> words) throws IOException {
    Files.createDirectories(directory.run());
    Files.createDirectories(directory.errorFile(role).getParent());
    Files.deleteIfExists(directory.readyFile(role));
    List<String> command = new ArrayList<>();
    if (!endsWithCaller) {
      // A session of its own: the terminal's interrupt and hangup are not for it.
      command.add("setsid");
    }
    command.add(launcher.toString());
    command.addAll(words.subList(0, 1));
    command.add("--ready-file=" + directory.readyFile(role));
    command.add("--log-file=" + directory.logFile(role));
    if (endsWithCaller) {
      command.add("--stop-with-stdin");
    }
    command.addAll(words.subList(1, words.size()));
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(directory.errorFile(role).toFile())
            .directory(directory.top().toFile());
    builder.environment().putAll(environment);
    if (!endsWithCaller) {
      builder.redirectInput(Path.of("/dev/null").toFile());
    }
    Process child = builder.start();
    children.put(role, child);
    Optional<ProcessIdentity> started = ProcessIdentity.of(child.pid());
    if (started.isPresent()) {
      directory.records().started(role, started.get());
    }
  }

  /** Waits until the process is usable. */
  public ReadyFile awaitReady(String role, long timeoutNs) throws IOException, UserError {
    long deadlineNs = System.nanoTime() + timeoutNs;
    while (true) {
      Optional<ReadyFile> ready = ready(role);
      if (ready.isPresent()) {
        return ready.get();
      }
      if (live(role).isEmpty()) {
        throw UserError.failed("%s did not start: %s", role, lastWords(role));
      }
      if (System.nanoTime() - deadlineNs >= 0) {
        throw UserError.failed(
            "%s is not ready after %d s; its log is %s",
            role, TimeUnit.NANOSECONDS.toSeconds(timeoutNs), directory.logFile(role));
      }
      LockSupport.parkNanos(POLL_NS);
    }
  }

  /** What the newest process of this role wrote when it was usable, if it still runs. */
  public Optional<ReadyFile> ready(String role) throws IOException {
    Optional<ProcessIdentity> live = live(role);
    return ReadyFile.readLive(directory.readyFile(role))
        .filter(ready -> live.isPresent() && ready.process().equals(live.get()));
  }

  public Optional<ProcessIdentity> live(String role) throws IOException {
    return directory.records().live(role);
  }

  /** SIGTERM, and SIGKILL if that does not help in time. Done when none of them runs any more. */
  public void stop(List<String> roles) throws IOException, UserError {
    List<ProcessIdentity> running = new ArrayList<>();
    for (String role : roles) {
      live(role).ifPresent(running::add);
    }
    running.forEach(ProcessIdentity::terminate);
    if (!awaitEnd(running, TERMINATE_NS)) {
      running.forEach(ProcessIdentity::kill);
      if (!awaitEnd(running, KILL_NS)) {
        throw UserError.failed("these processes do not end, not even killed: %s", running);
      }
    }
  }

  private static boolean awaitEnd(List<ProcessIdentity> processes, long timeoutNs) {
    long deadlineNs = System.nanoTime() + timeoutNs;
    while (processes.stream().anyMatch(ProcessIdentity::isAlive)) {
      if (System.nanoTime() - deadlineNs >= 0) {
        return false;
      }
      LockSupport.parkNanos(POLL_NS);
    }
    return true;
  }

  /** The last line that the process said on stderr. */
  private String lastWords(String role) throws IOException {
    Path file = directory.errorFile(role);
    List<String> lines = Files.exists(file) ? Files.readAllLines(file) : List.of();
    for (int i = lines.size() - 1; i >= 0; i--) {
      if (lines.get(i).startsWith("lockstep: ")) {
        return lines.get(i).substring("lockstep: ".length());
      }
    }
    return lines.isEmpty()
        ? "it said nothing; its log is " + directory.logFile(role)
        : lines.get(lines.size() - 1);
  }
}
