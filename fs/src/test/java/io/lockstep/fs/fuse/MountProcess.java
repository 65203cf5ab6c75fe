package io.lockstep.fs.fuse;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Confined to one thread. A process of its own that mounts a volume in memory, so that a test may
 * do to its mounts whatever an application may, and kill it.
 */
final class MountProcess implements AutoCloseable {
  private static final long LIMIT_S = 30;

  private final List<Path> mountPoints = new ArrayList<>();
  private final Process process;
  private final BufferedReader output;
  private final List<String> said = new ArrayList<>();

  private MountProcess(List<String> arguments, Process process) {
    for (String argument : arguments) {
      if (argument.startsWith("/")) {
        mountPoints.add(Path.of(argument));
      }
    }
    this.process = process;
    this.output =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  /** Starts it and waits until it is mounted. */
  static MountProcess start(String... arguments) throws IOException {
    MountProcess started = launch(arguments);
    if (!started.awaitLine(MemoryMount.READY)) {
      started.close();
      throw new IOException("not mounted: " + started.said);
    }
    return started;
  }

  /** Starts it only, with {@link MemoryMount}'s arguments, where all text is plain ASCII. */
  static MountProcess launch(String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Xmx256m");
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    String logging = System.getProperty("logback.configurationFile");
    if (logging != null) {
      command.add("-Dlogback.configurationFile=" + logging);
    }
    command.add(MemoryMount.class.getName());
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("LANG", "C");
    builder.environment().put("LC_ALL", "C");
    return new MountProcess(List.of(arguments), builder.start());
  }

  private boolean awaitLine(String start) throws IOException {
    for (String line = output.readLine(); line != null; line = output.readLine()) {
      said.add(line);
      if (line.startsWith(start)) {
        return true;
      }
    }
    return false;
  }

  /** Waits for its end; the exit code. */
  int awaitExit() throws IOException, InterruptedException {
    awaitLine("\0");
    if (!process.waitFor(LIMIT_S, TimeUnit.SECONDS)) {
      throw new IOException("still running: " + said);
    }
    return process.exitValue();
  }

  /** All lines that it wrote and that were waited for. */
  String said() {
    return String.join("\n", said);
  }

  static boolean isMounted(Path mountPoint) throws IOException {
    return Files.readString(Path.of("/proc/self/mountinfo")).contains(" " + mountPoint + " ");
  }

  /** How many threads of it have names that start like this. */
  long threads(String start) throws IOException {
    try (Stream<Path> tasks = Files.list(Path.of("/proc/" + process.pid() + "/task"))) {
      return tasks.filter(task -> name(task).startsWith(start)).count();
    }
  }

  /** Whether a thread of it whose name starts like this waits in the kernel, deaf to signals. */
  boolean isStuck(String start) throws IOException {
    try (Stream<Path> tasks = Files.list(Path.of("/proc/" + process.pid() + "/task"))) {
      return tasks.anyMatch(task -> name(task).startsWith(start) && state(task).equals("D"));
    }
  }

  private static String state(Path task) {
    try {
      String stat = Files.readString(task.resolve("stat"));
      return stat.substring(stat.lastIndexOf(')') + 2).split(" ")[0];
    } catch (IOException e) {
      return "ended";
    }
  }

  private static String name(Path task) {
    try {
      return Files.readString(task.resolve("comm"));
    } catch (IOException e) {
      return "ended";
    }
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** SIGTERM; what it says after that can still be read. */
  void terminate() {
    process.toHandle().destroy();
  }

  /** Whatever this does to a process, like {@link Posix#SIGSTOP}. */
  void signal(int signal) throws Posix.Failed {
    Posix.check("kill", Posix.C.kill((int) process.pid(), signal));
  }

  void kill() throws InterruptedException {
    process.destroyForcibly();
    process.waitFor(LIMIT_S, TimeUnit.SECONDS);
  }

  @Override
  public void close() throws IOException {
    process.destroyForcibly();
    for (Path mountPoint : mountPoints) {
      while (isMounted(mountPoint)) {
        if (!FuseSystem.unmount(mountPoint, true, TimeUnit.SECONDS.toNanos(5))) {
          throw new IOException(mountPoint + " cannot be unmounted");
        }
      }
    }
  }
}
