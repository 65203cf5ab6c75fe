package io.lockstep.tools.repro;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import io.lockstep.tools.cluster.AdminConnection;
import io.lockstep.tools.cluster.ClusterAddress;
import io.lockstep.tools.cluster.ClusterDirectory;
import io.lockstep.tools.config.SecretFile;
import io.lockstep.tools.process.MountPoint;
import io.lockstep.tools.quickstart.LocalCluster;
import io.lockstep.wire.message.CreateVolume;
import io.lockstep.wire.message.LeaseRow;
import io.lockstep.wire.message.ListLeases;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Confined to its caller. A cluster for one reproduction: a master with the variant's lockd, three
 * storage daemons, and mounts with the variant's eager lock, in a directory of its own that is gone
 * in the end. The processes end when the caller's does, whatever happens.
 */
final class ScratchCluster implements AutoCloseable {
  static final String VOLUME = "scratch";

  private static final long READY_NS = TimeUnit.SECONDS.toNanos(60);
  private static final long ASK_NS = TimeUnit.SECONDS.toNanos(10);
  private static final long POLL_NS = TimeUnit.MILLISECONDS.toNanos(50);

  private final ClusterDirectory directory;
  private final LocalCluster cluster;
  private final EagerLockVariant variant;
  private final Delays delays;
  private final List<String> mounts = new ArrayList<>();
  private AdminConnection connection;

  ScratchCluster(EagerLockVariant variant, Delays delays, Path launcher) throws IOException {
    this.variant = variant;
    this.delays = delays;
    Path runs =
        Path.of(
            System.getenv()
                .getOrDefault(
                    "LOCKSTEP_RUNS", System.getProperty("java.io.tmpdir") + "/lockstep-repro"));
    Files.createDirectories(runs);
    this.directory = new ClusterDirectory(Files.createTempDirectory(runs, "repro"));
    this.cluster = new LocalCluster(directory, launcher, true, Map.of());
  }

  ClusterDirectory directory() {
    return directory;
  }

  /** Starts everything; the mounts have the roles mount-1, mount-2 and so on. */
  void start(List<List<String>> optionsOfMounts) throws IOException, UserError, Outcome {
    SecretFile.ensure(directory.secretFile());
    int port = directory.masterPort().choose(ClusterDirectory.HOST);
    String master = ClusterDirectory.HOST + ":" + port;
    cluster.start(
        ClusterDirectory.MASTER,
        List.of(
            "repro-master",
            "--variant=" + variant,
            "--data=" + directory.data(ClusterDirectory.MASTER),
            "--port=" + port,
            "--secret-file=" + directory.secretFile()));
    for (String role : ClusterDirectory.STORAGES) {
      cluster.startStorage(role, master);
    }
    cluster.awaitReady(ClusterDirectory.MASTER, READY_NS);
    connection = AdminConnection.open(new ClusterAddress(List.of(master), directory.secretFile()));
    createVolume();
    for (List<String> options : optionsOfMounts) {
      startMount(master, options);
    }
    for (String role : ClusterDirectory.STORAGES) {
      cluster.awaitReady(role, READY_NS);
    }
    for (String role : mounts) {
      cluster.awaitReady(role, READY_NS);
    }
  }

  private void startMount(String master, List<String> options) throws IOException {
    String role = "mount-" + (mounts.size() + 1);
    mounts.add(role);
    Path point = mountPoint(mounts.size());
    Files.createDirectories(point);
    directory.records().mounting(point);
    List<String> words =
        new ArrayList<>(
            List.of(
                "repro-mount",
                "--variant=" + variant,
                "--master=" + master,
                "--secret-file=" + directory.secretFile(),
                "--report=" + reportFile(mounts.size())));
    delays.texts().forEach(text -> words.add("--delay=" + text));
    // A lease that nobody uses is soon gone: what stays then is stale.
    words.addAll(List.of("-o", "lease-idle=1"));
    options.forEach(option -> words.addAll(List.of("-o", option)));
    words.add(VOLUME);
    words.add(point.toString());
    cluster.start(role, words);
  }

  /** The first one is 1. */
  Path mountPoint(int mount) {
    return directory.top().resolve("mount-" + mount + "-point");
  }

  private Path reportFile(int mount) {
    return directory.run().resolve("mount-" + mount + ".report");
  }

  Optional<MountReport> reportIfAny(int mount) throws IOException {
    return MountReport.read(reportFile(mount));
  }

  MountReport report(int mount) throws IOException, UserError {
    return reportIfAny(mount).orElseThrow(() -> UserError.failed("mount-%d tells nothing", mount));
  }

  /** Daemons may still be on their way to register. */
  private void createVolume() throws Outcome {
    Request create =
        Request.newBuilder()
            .setCreateVolume(
                CreateVolume.newBuilder()
                    .setName(VOLUME)
                    .setReplicas(ClusterDirectory.STORAGES.size())
                    .setWish(AdminConnection.newWish()))
            .build();
    long deadlineNs = System.nanoTime() + READY_NS;
    while (true) {
      try {
        connection.ask(create, ASK_NS);
        return;
      } catch (Outcome e) {
        boolean soon = e.code() == ErrorCode.NOT_ENOUGH_REPLICAS || e.code() == ErrorCode.TIMED_OUT;
        if (!soon || System.nanoTime() - deadlineNs >= 0) {
          throw e;
        }
        LockSupport.parkNanos(POLL_NS);
      }
    }
  }

  /** What lockd lists of that inode. */
  List<LeaseRow> leases(long inode) throws Outcome {
    Reply reply =
        connection.ask(
            Request.newBuilder().setListLeases(ListLeases.getDefaultInstance()).build(), ASK_NS);
    return reply.getListLeases().getRowsList().stream()
        .filter(row -> row.getInode() == inode)
        .toList();
  }

  @Override
  public void close() throws IOException, UserError {
    if (connection != null) {
      connection.close();
    }
    // Their locks may be stale: nothing is to be waited for.
    for (String role : mounts) {
      cluster.live(role).ifPresent(process -> process.kill());
    }
    cluster.stop(mounts);
    for (Path point : directory.records().mounts()) {
      new MountPoint(point).clearIfDead(ClusterDirectory.state());
    }
    List<String> daemons = new ArrayList<>(ClusterDirectory.STORAGES);
    daemons.add(ClusterDirectory.MASTER);
    cluster.stop(daemons);
    directory.records().clear();
    remove(directory.top());
  }

  /** One filesystem only: what is still mounted below is not emptied. */
  private static void remove(Path tree) throws IOException {
    Process remove =
        new ProcessBuilder("rm", "-rf", "--one-file-system", tree.toString()).inheritIO().start();
    try {
      if (remove.waitFor() != 0) {
        throw new IOException("could not remove " + tree);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }
}
