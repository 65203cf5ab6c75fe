package io.lockstep.tools.it;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lockstep.fs.fuse.Posix;
import io.lockstep.tools.UserError;
import io.lockstep.tools.cluster.ClusterDirectory;
import io.lockstep.tools.config.SecretFile;
import io.lockstep.tools.process.MountPoint;
import io.lockstep.tools.process.ProcessIdentity;
import io.lockstep.tools.process.ReadyFile;
import io.lockstep.tools.quickstart.LocalCluster;
import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;

/**
 * Confined to its test. A cluster of real processes and real mounts in a run directory of its own:
 * they end when this JVM ends, whatever happens, and {@code verify} finds by their records what did
 * not.
 */
final class TestCluster implements AutoCloseable {
  static final String MASTER = ClusterDirectory.MASTER;
  static final String MOUNT = ClusterDirectory.MOUNT;

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long READY_NS = TimeUnit.SECONDS.toNanos(60);
  private static final int LOG_LINES = 60;

  /** A daemon keeps 64 MiB of it free. */
  private static final String SMALL_DISK = "160M";

  private final Path top;
  private final ClusterDirectory directory;
  private final LocalCluster cluster;
  private final List<Path> mountPoints = new ArrayList<>();
  private final List<Path> disks = new ArrayList<>();
  private final List<Closeable> parts = new ArrayList<>();
  private boolean failed;

  private TestCluster(Path top, Path launcher, Map<String, String> environment) throws IOException {
    this.top = top;
    this.directory = new ClusterDirectory(top);
    Map<String, String> all = new HashMap<>(environment());
    all.putAll(environment);
    this.cluster = new LocalCluster(directory, launcher, true, all);
    Files.createDirectories(directory.run());
    SecretFile.ensure(directory.secretFile());
  }

  /** A new directory where {@code verify} looks for what was left behind. */
  static Path runDirectory(String name) throws IOException {
    Path runs =
        Path.of(
            System.getenv()
                .getOrDefault(
                    "LOCKSTEP_RUNS", System.getProperty("java.io.tmpdir") + "/lockstep-runs"));
    Files.createDirectories(runs);
    return Files.createTempDirectory(runs, name);
  }

  /** Nothing runs yet. */
  static TestCluster empty(String name) throws IOException {
    return new TestCluster(runDirectory(name), launcher(), Map.of());
  }

  /** The same in {@code top}; its processes are started by a script that stands in for ours. */
  static TestCluster empty(Path top, Path launcher, Map<String, String> environment)
      throws IOException {
    return new TestCluster(top, launcher, environment);
  }

  /** A master and so many storage daemons that are ready. */
  static TestCluster start(String name, int storages) throws Exception {
    return startOn(name, storages, Set.of());
  }

  /** The same; the daemons of these numbers have small disks of their own. */
  static TestCluster startOn(String name, int storages, Set<Integer> small) throws Exception {
    TestCluster cluster = empty(name);
    try {
      for (int number : small) {
        cluster.makeSmallDisk(number);
      }
      cluster.startMaster();
      for (int i = 1; i <= storages; i++) {
        cluster.startStorage(i);
      }
      cluster.ready(MASTER);
      for (int i = 1; i <= storages; i++) {
        cluster.ready(storage(i));
      }
      return cluster;
    } catch (Exception | Error e) {
      cluster.failed = true;
      cluster.close();
      throw e;
    }
  }

  /** An ext4 of {@link #SMALL_DISK} in an image in place of the daemon's directory. */
  private void makeSmallDisk(int number) throws Exception {
    Path disk = directory.data(storage(number));
    Path image = top.resolve(storage(number) + ".img");
    Files.createDirectories(disk);
    directory.records().mounting(disk);
    disks.add(disk);
    shell(
        "truncate -s \"$1\" \"$2\"; mkfs.ext4 -q -F -m 0 -O ^has_journal \"$2\";"
            + " mount -o loop \"$2\" \"$3\"; rmdir \"$3/lost+found\"",
        SMALL_DISK,
        image,
        disk);
  }

  /** Runs a script of the shell with these words, and programs of the administrator; its output. */
  static String shell(String script, Object... words) throws IOException {
    List<String> command = new ArrayList<>(List.of("sh", "-ec", script, "sh"));
    for (Object word : words) {
      command.add(word.toString());
    }
    Said said;
    try {
      said = runProgram(Map.of("PATH", System.getenv("PATH") + ":/usr/sbin:/sbin"), command);
    } catch (IOException | RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new AssertionError("interrupted", e);
    }
    if (said.exitCode() != 0) {
      throw new IOException(command + ": exit code " + said.exitCode() + ": " + said.err());
    }
    return said.out();
  }

  static String storage(int number) {
    return "storage-" + number;
  }

  /** The script in the tree that this test was built from. */
  static Path launcher() {
    for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
      if (Files.isExecutable(at.resolve("lockstep")) && Files.exists(at.resolve("pom.xml"))) {
        return at.resolve("lockstep");
      }
    }
    throw new IllegalStateException("no launcher above " + Path.of("").toAbsolutePath());
  }

  /**
   * For every process of the product: what Maven has just packaged, not a build of the launcher.
   */
  private static Map<String, String> environment() {
    return Map.of("LOCKSTEP_DIST", Product.DIRECTORY);
  }

  /** Immutable. The packaged product, put together once for all tests of this JVM. */
  private static final class Product {
    static final String DIRECTORY = make();

    private static String make() {
      Path script = launcher().resolveSibling("tools").resolve("scripts").resolve("dist.sh");
      try {
        Process dist =
            new ProcessBuilder(script.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String directory =
            new String(dist.getInputStream().readAllBytes(), StandardCharsets.UTF_8).trim();
        if (Uninterruptibles.waitFor(dist) != 0) {
          throw new IllegalStateException(script + " failed");
        }
        return directory;
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** Closed after the last process has ended, the latest first. */
  void closes(Closeable part) {
    parts.add(0, part);
  }

  Path top() {
    return top;
  }

  ClusterDirectory directory() {
    return directory;
  }

  // ---- processes

  void startMaster() throws Exception {
    cluster.startMaster(directory.masterPort().choose(ClusterDirectory.HOST));
  }

  void startStorage(int number) throws Exception {
    cluster.startStorage(storage(number), directory.masterAddress());
  }

  /** Starts a mount of {@code volume} and waits for it; also over the one that was killed there. */
  Path mount(String role, String volume, String... options) throws Exception {
    Path mountPoint = top.resolve(role + "-point");
    if (!mountPoints.contains(mountPoint)) {
      Files.createDirectories(mountPoint);
      mountPoints.add(mountPoint);
    }
    List<String> words = new ArrayList<>(List.of("--wait=30"));
    for (String option : options) {
      words.add("-o");
      words.add(option);
    }
    cluster.startMount(role, directory.masterAddress(), volume, mountPoint, words);
    ready(role);
    return mountPoint;
  }

  ReadyFile ready(String role) throws Exception {
    return cluster.awaitReady(role, READY_NS);
  }

  ProcessIdentity process(String role) throws IOException {
    return cluster.live(role).orElseThrow(() -> new IllegalStateException(role + " does not run"));
  }

  /** SIGKILL; returns when it is gone. */
  void kill(String role) throws Exception {
    ProcessIdentity process = process(role);
    process.kill();
    eventually(role + " is dead", 10, () -> !process.isAlive());
  }

  /** SIGTERM; returns when it is gone. */
  void stop(String role) throws Exception {
    cluster.stop(List.of(role));
  }

  /** SIGSTOP: it hangs until {@link #resume}. */
  void freeze(String role) throws IOException {
    signal(role, Posix.SIGSTOP);
  }

  void resume(String role) throws IOException {
    signal(role, Posix.SIGCONT);
  }

  /** By this process: a new one would begin by closing what this one has open on a frozen mount. */
  private void signal(String role, int signal) throws IOException {
    ProcessIdentity process = process(role);
    if (Posix.C.kill((int) process.pid(), signal) != 0) {
      throw new IOException("no signal " + signal + " to " + role + ", " + process);
    }
  }

  // ---- the command line

  /** What a command said and how it ended. */
  record Said(int exitCode, String out, String err) {
    JsonNode json() throws IOException {
      return JSON.readTree(out);
    }
  }

  /** Runs the launcher with these words and waits for its end. */
  static Said run(Map<String, String> environment, List<String> words) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(launcher().toString());
    command.addAll(words);
    return runProgram(environment, command);
  }

  /** Runs any program that may start the launcher. */
  static Said runProgram(Map<String, String> environment, List<String> command) throws Exception {
    Path out = Files.createTempFile("said", ".out");
    Path err = Files.createTempFile("said", ".err");
    try {
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectInput(Path.of("/dev/null").toFile())
              .redirectOutput(out.toFile())
              .redirectError(err.toFile());
      builder.environment().putAll(environment());
      builder.environment().putAll(environment);
      Process process = builder.start();
      if (!process.waitFor(5, TimeUnit.MINUTES)) {
        process.destroyForcibly();
        throw new AssertionError(command + " does not end");
      }
      return new Said(
          process.exitValue(),
          Files.readString(out, StandardCharsets.UTF_8),
          Files.readString(err, StandardCharsets.UTF_8));
    } finally {
      Files.delete(out);
      Files.delete(err);
    }
  }

  /** The same, about this cluster. */
  Said lockstep(String... words) throws Exception {
    List<String> all = new ArrayList<>(List.of(words));
    all.add("--dir=" + top);
    return run(Map.of(), all);
  }

  void createVolume(String name, int replicas) throws Exception {
    Said[] said = new Said[1];
    // Daemons may still be on their way to register.
    eventually(
        "volume " + name + " is created",
        30,
        () -> {
          said[0] = lockstep("volume", "create", name, "--replicas=" + replicas);
          return said[0].exitCode() == 0 || said[0].err().contains("exist");
        });
  }

  /** Whether every member is in step and nothing is left to heal. */
  boolean isClean() throws Exception {
    Said said = lockstep("heal", "status", "--output=json");
    return said.exitCode() == 0 && said.json().path("clean").asBoolean();
  }

  /** The same, and no write is on its way or was left half-way by anybody. */
  boolean hasNoMark() throws Exception {
    Said said = lockstep("heal", "status", "--output=json");
    if (said.exitCode() != 0) {
      return false;
    }
    long marks = 0;
    for (JsonNode row : said.json().path("members")) {
      marks += row.path("dirty").asLong() + row.path("pending").asLong();
    }
    return marks == 0 && said.json().path("clean").asBoolean();
  }

  /** The mode of each member of the only set, like {@code RW}, by member id. */
  String mode(int member) throws Exception {
    for (JsonNode row : lockstep("heal", "status", "--output=json").json().path("members")) {
      if (row.path("member").asInt() == member) {
        return row.path("mode").asText();
      }
    }
    return "none";
  }

  /** The member that is on the daemon with this number. */
  JsonNode memberOn(int number) throws Exception {
    String address = ready(storage(number)).address();
    for (JsonNode row : lockstep("heal", "status", "--output=json").json().path("members")) {
      if (row.path("address").asText().equals(address)) {
        return row;
      }
    }
    throw new IllegalStateException("no member at " + address);
  }

  // ---- waiting and ending

  /** Waits until {@code condition} holds; the time it took in ms. */
  long eventually(String what, int seconds, Callable<Boolean> condition) {
    long startNs = System.nanoTime();
    try {
      Awaitility.await(what)
          .atMost(seconds, TimeUnit.SECONDS)
          .pollInterval(100, TimeUnit.MILLISECONDS)
          .pollDelay(0, TimeUnit.MILLISECONDS)
          .until(condition);
    } catch (ConditionTimeoutException e) {
      failed = true;
      throw e;
    }
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNs);
  }

  /** After a test that failed: what the processes said is printed at the end. */
  void fail() {
    failed = true;
  }

  @Override
  public void close() throws IOException, UserError {
    if (failed) {
      printLogs();
    }
    List<String> mounts = new ArrayList<>();
    List<String> others = new ArrayList<>();
    for (String role : directory.records().processes().keySet()) {
      signalQuietly(role);
      (role.startsWith(MOUNT) ? mounts : others).add(role);
    }
    try {
      cluster.stop(mounts);
    } finally {
      if (disks.isEmpty() && parts.isEmpty()) {
        killAll(others);
      }
      cluster.stop(others);
      clearMounts();
      for (Closeable part : parts) {
        part.close();
      }
    }
    directory.records().clear();
    if (System.getProperty("keep") == null) {
      removeTree(top);
    }
  }

  /** Nothing waits for what they leave; a log of Raft takes a second to end well. */
  private void killAll(List<String> roles) throws IOException {
    for (String role : roles) {
      cluster.live(role).ifPresent(ProcessIdentity::kill);
    }
  }

  private void signalQuietly(String role) throws IOException {
    if (cluster.live(role).isPresent()) {
      resume(role);
    }
  }

  private void clearMounts() throws IOException, UserError {
    for (Path mountPoint : mountPoints) {
      new MountPoint(mountPoint).clearIfDead(ClusterDirectory.state());
    }
    for (Path disk : disks) {
      Uninterruptibles.waitFor(
          new ProcessBuilder("umount", disk.toString()).redirectErrorStream(true).start());
    }
  }

  /** Not across mounts: what is mounted below stays, and the removal fails. */
  static void removeTree(Path tree) throws IOException {
    Process remove =
        new ProcessBuilder("rm", "-rf", "--one-file-system", tree.toString()).inheritIO().start();
    if (Uninterruptibles.waitFor(remove) != 0) {
      throw new IOException("could not remove " + tree);
    }
  }

  private void printLogs() throws IOException {
    Path logs = top.resolve("log");
    if (!Files.isDirectory(logs)) {
      return;
    }
    try (Stream<Path> files = Files.list(logs)) {
      for (Path file : (Iterable<Path>) files.sorted()::iterator) {
        List<String> lines = Files.readAllLines(file, StandardCharsets.ISO_8859_1);
        System.out.println("---- " + file + ", last lines of " + lines.size());
        lines
            .subList(Math.max(0, lines.size() - LOG_LINES), lines.size())
            .forEach(System.out::println);
      }
    }
  }
}
