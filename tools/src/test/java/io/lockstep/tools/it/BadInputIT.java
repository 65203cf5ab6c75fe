package io.lockstep.tools.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.tools.cluster.ClusterDirectory;
import io.lockstep.tools.config.SecretFile;
import io.lockstep.tools.it.TestCluster.Said;
import io.lockstep.tools.process.MountTable;
import io.lockstep.tools.process.PortFile;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What people get wrong: one clear line, exit code 1 or 2, and nothing started half-way. */
class BadInputIT {
  private static final String VOLUME = "demo";

  /** Behind "LSTP" and the kind of the file. */
  private static final int IDENTITY_VERSION_AT = 8;

  private static TestCluster cluster;

  @BeforeAll
  static void start() throws Exception {
    cluster = TestCluster.start("bad", 2);
    cluster.createVolume(VOLUME, 2);
  }

  @AfterAll
  static void stop() throws Exception {
    cluster.close();
  }

  private static Path newDirectory(String name) throws Exception {
    return Files.createTempDirectory(cluster.top(), name);
  }

  private static void refused(Said said, int exitCode, String... complaints) {
    assertThat(said.exitCode()).as(said.out() + said.err()).isEqualTo(exitCode);
    List<String> lines = said.err().lines().filter(line -> !line.isBlank()).toList();
    assertThat(lines).as("one line").hasSize(1);
    assertThat(lines.get(0)).startsWith("lockstep: ").contains(complaints);
  }

  private static Said mount(String volume, Path directory, String... more) throws Exception {
    List<String> words =
        new ArrayList<>(List.of("mount", volume, directory.toString(), "--wait=0"));
    words.addAll(List.of(more));
    return cluster.lockstep(words.toArray(String[]::new));
  }

  // ---- volumes and mount points

  @Test
  void unknownVolumeIsRefused() throws Exception {
    Path point = newDirectory("point");
    refused(mount("nosuch", point), 1, "nosuch");
    assertThat(MountTable.read().on(point)).isEmpty();
    refused(cluster.lockstep("volume", "info", "nosuch"), 1, "nosuch");
    refused(cluster.lockstep("volume", "check", "nosuch"), 1, "nosuch");
    refused(cluster.lockstep("volume", "delete", "nosuch"), 1, "nosuch");
  }

  @Test
  void volumeThatExistsIsRefused() throws Exception {
    refused(cluster.lockstep("volume", "create", VOLUME, "--replicas=2"), 1, VOLUME);
  }

  @Test
  void tooFewDaemonsForTheReplicasIsRefused() throws Exception {
    refused(cluster.lockstep("volume", "create", "wide", "--replicas=5"), 1, "5", "2");
    refused(cluster.lockstep("volume", "info", "wide"), 1, "wide");
  }

  @Test
  void missingMountPointIsRefused() throws Exception {
    Path none = newDirectory("point").resolve("none");
    refused(mount(VOLUME, none), 1, none.toString(), "does not exist");
    Path file = newDirectory("point").resolve("file");
    Files.createFile(file);
    refused(mount(VOLUME, file), 1, file.toString(), "not a directory");
  }

  @Test
  void mountPointThatIsNotEmptyIsRefused() throws Exception {
    Path point = newDirectory("point");
    Files.createFile(point.resolve("precious"));
    refused(mount(VOLUME, point), 1, point.toString(), "not empty");
    assertThat(point.resolve("precious")).exists();
  }

  @Test
  void busyMountPointIsRefused() throws Exception {
    Path point = cluster.mount("mount-busy", VOLUME);
    refused(mount(VOLUME, point), 1, point.toString(), "already a mount point");
    cluster.stop("mount-busy");
    assertThat(MountTable.read().on(point)).isEmpty();
  }

  @Test
  void namesThatBreakLinesAreToldOnOneLine() throws Exception {
    refused(mount(VOLUME, Path.of("/none\nthere")), 1, "/none\\x0athere does not exist");
    refused(cluster.lockstep("volume", "info", "a\nb"), 2, "a\\x0ab");
  }

  @Test
  void locksOfAnUnknownClientAreNotCleared() throws Exception {
    refused(cluster.lockstep("lock", "clear", "--client=99999"), 1, "no client has session 99999");
  }

  @Test
  void unknownMountOptionIsRefused() throws Exception {
    refused(mount(VOLUME, newDirectory("point"), "-o", "ro,sillyness"), 2, "sillyness", "known:");
  }

  @Test
  void machineWithoutDevFuseIsRefused() throws Exception {
    Path point = newDirectory("point");
    refused(
        withoutFuse(
            "d=$(mktemp -d); mount -t tmpfs none $d; for n in null zero urandom random tty; do"
                + " : >$d/$n; mount --bind /dev/$n $d/$n; done; mount --rbind $d /dev",
            point),
        1,
        "/dev/fuse");
  }

  @Test
  void machineWithoutFusermountIsRefused() throws Exception {
    refused(
        withoutFuse(
            "for f in /usr/bin/fusermount3 /usr/bin/fusermount; do mount --bind /dev/null"
                + " $(readlink -f $f); done",
            newDirectory("point")),
        1,
        "fusermount");
  }

  /** The command mount in a mount namespace of its own that lacks something. */
  private static Said withoutFuse(String preparation, Path point) throws Exception {
    String command =
        preparation
            + "; exec \"$0\" mount "
            + VOLUME
            + " "
            + point
            + " --wait=0 --dir="
            + cluster.top();
    return TestCluster.runProgram(
        Map.of(),
        List.of(
            "unshare",
            "-m",
            "--propagation=private",
            "bash",
            "-c",
            command,
            TestCluster.launcher().toString()));
  }

  // ---- daemons

  private static Said master(Path data, String... more) throws Exception {
    List<String> words =
        new ArrayList<>(
            List.of(
                "master", "--data=" + data, "--secret-file=" + cluster.directory().secretFile()));
    words.addAll(List.of(more));
    return TestCluster.run(Map.of(), words);
  }

  private static Said storage(Path data, Path secret, String masters, String... more)
      throws Exception {
    List<String> words =
        new ArrayList<>(
            List.of(
                "storage", "--data=" + data, "--masters=" + masters, "--secret-file=" + secret));
    words.addAll(List.of(more));
    return TestCluster.run(Map.of(), words);
  }

  @Test
  void portInUseIsRefused() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String port = "--port=" + taken.getLocalPort();
      Path data = newDirectory("data").resolve("master");
      refused(master(data, port), 1, Integer.toString(taken.getLocalPort()), "in use");
      refused(
          storage(
              newDirectory("data").resolve("storage"),
              cluster.directory().secretFile(),
              cluster.directory().masterAddress(),
              port),
          1,
          Integer.toString(taken.getLocalPort()),
          "in use");
    }
  }

  @Test
  void hostBeyondLoopbackIsRefused() throws Exception {
    Path data = newDirectory("data").resolve("master");
    refused(master(data, "--host=0.0.0.0"), 2, "0.0.0.0", "loopback");
    assertThat(data).doesNotExist();
  }

  @Test
  void malformedYamlIsRefused() throws Exception {
    Path file = newDirectory("config").resolve("storage.yaml");
    Files.writeString(file, "data: /tmp/x\nreplicas: 3\n");
    refused(
        TestCluster.run(
            Map.of(),
            List.of("storage", "--config=" + file, "--masters=127.0.0.1:1", "--secret-file=s")),
        2,
        file.toString(),
        "unknown key \"replicas\"");
    Files.writeString(file, "port: many\n");
    refused(master(newDirectory("data"), "--config=" + file), 2, file + ": port is \"many\"");
    Files.writeString(file, "- data\n- port\n");
    refused(master(newDirectory("data"), "--config=" + file), 2, file + ": expected lines of KEY");
  }

  @Test
  void dataDirectoryThatIsAFileIsRefused() throws Exception {
    Path file = newDirectory("data").resolve("file");
    Files.createFile(file);
    refused(master(file), 1, file + ": is a file, expected a directory");
    refused(
        storage(file, cluster.directory().secretFile(), cluster.directory().masterAddress()),
        1,
        file + ": is a file, expected a directory");
  }

  @Test
  void directoryThatARunningDaemonHasIsRefused() throws Exception {
    refused(
        storage(
            cluster.directory().data(TestCluster.storage(1)),
            cluster.directory().secretFile(),
            cluster.directory().masterAddress()),
        1,
        cluster.directory().data(TestCluster.storage(1)).toString());
    refused(
        master(cluster.directory().data(TestCluster.MASTER)),
        1,
        cluster.directory().data(TestCluster.MASTER).toString());
  }

  @Test
  void directoryOfTheOtherKindIsRefused() throws Exception {
    Path copy = newDirectory("data").resolve("copy");
    copyTree(cluster.directory().data(TestCluster.storage(1)), copy);
    refused(master(copy), 1, copy.toString());
  }

  @Test
  void directoryOfANewerFormatIsRefusedAndLeftAsItIs() throws Exception {
    Path storage = newDirectory("data").resolve("storage");
    copyTree(cluster.directory().data(TestCluster.storage(1)), storage);
    byte[] identity = Files.readAllBytes(storage.resolve("identity"));
    identity[IDENTITY_VERSION_AT + 1] = 9;
    Files.write(storage.resolve("identity"), identity);
    String before = listing(storage);
    refused(
        storage(storage, cluster.directory().secretFile(), cluster.directory().masterAddress()),
        1,
        storage.toString(),
        "format 9",
        "newer");
    assertThat(listing(storage)).isEqualTo(before);

    Path master = newDirectory("data").resolve("master");
    copyTree(cluster.directory().data(TestCluster.MASTER), master);
    String text = Files.readString(master.resolve("identity"));
    Files.writeString(master.resolve("identity"), text.replaceFirst(" 1\n", " 9\n"));
    String masterBefore = listing(master);
    refused(master(master), 1, master.toString(), "format 9", "newer");
    assertThat(listing(master)).isEqualTo(masterBefore);
  }

  /** Every file with its checksum. */
  private static String listing(Path tree) throws Exception {
    Said said =
        TestCluster.runProgram(
            Map.of(),
            List.of(
                "sh",
                "-c",
                "cd \"$0\" && find . -type f -exec md5sum {} + | sort",
                tree.toString()));
    assertThat(said.exitCode()).as(said.err()).isZero();
    assertThat(said.out()).isNotEmpty();
    return said.out();
  }

  @Test
  void directoryOfAnotherClusterIsRefused() throws Exception {
    try (TestCluster other = TestCluster.start("other", 1)) {
      other.stop(TestCluster.storage(1));
      Path data = other.directory().data(TestCluster.storage(1));
      refused(
          storage(data, cluster.directory().secretFile(), cluster.directory().masterAddress()),
          1,
          "cluster");
    }
  }

  // ---- the network

  @Test
  void wrongSecretIsRefused() throws Exception {
    Path secret = newDirectory("secret").resolve("secret");
    SecretFile.ensure(secret);
    Said said = cluster.lockstep("cluster", "status", "--secret-file=" + secret);
    refused(said, 1, "secret");
    refused(
        storage(newDirectory("data").resolve("s"), secret, cluster.directory().masterAddress()),
        1,
        "secret");
    assertThat(cluster.lockstep("cluster", "status").exitCode()).isZero();
  }

  @Test
  void masterThatIsNotThereIsReportedInTime() throws Exception {
    int port = new PortFile(newDirectory("port").resolve("port")).choose(ClusterDirectory.HOST);
    long startNs = System.nanoTime();
    Said said = cluster.lockstep("cluster", "status", "--master=127.0.0.1:" + port);
    refused(said, 1, "127.0.0.1:" + port);
    assertThat(TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - startNs)).isLessThan(20);
  }

  @Test
  void garbageIsDroppedAndLoggedOnce() throws Exception {
    Random random = new Random(5);
    for (String role : List.of(TestCluster.MASTER, TestCluster.storage(1))) {
      Path log = cluster.directory().logFile(role);
      long before = dropped(log);
      for (int i = 0; i < 5; i++) {
        sendGarbage(cluster.ready(role).address(), random);
      }
      assertThat(cluster.lockstep("cluster", "status").exitCode()).isZero();
      cluster.eventually(role + " logs the garbage", 10, () -> dropped(log) > before);
      assertThat(dropped(log) - before).as("lines for five of them in " + log).isEqualTo(1);
    }
    assertThat(cluster.lockstep("volume", "check", VOLUME).exitCode()).isZero();
  }

  /** Lines about connections that were dropped, for whatever reason, in the whole life so far. */
  private static long dropped(Path log) throws Exception {
    return Files.readAllLines(log).stream().filter(line -> line.contains(" dropped: ")).count();
  }

  private static void sendGarbage(String address, Random random) throws Exception {
    int colon = address.lastIndexOf(':');
    try (Socket socket =
        new Socket(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)))) {
      socket.setSoTimeout(10_000);
      byte[] garbage = new byte[5_000];
      random.nextBytes(garbage);
      OutputStream out = socket.getOutputStream();
      out.write(garbage);
      out.flush();
      // The server ends the connection.
      assertThat(socket.getInputStream().readNBytes(1 << 16)).hasSizeLessThan(1 << 16);
    } catch (java.net.SocketException e) {
      assertThat(e).hasMessageMatching("(?i).*(reset|broken pipe).*");
    }
  }

  private static void copyTree(Path from, Path to) throws Exception {
    Said said =
        TestCluster.runProgram(Map.of(), List.of("cp", "-a", from.toString(), to.toString()));
    assertThat(said.exitCode()).as(said.err()).isZero();
  }
}
