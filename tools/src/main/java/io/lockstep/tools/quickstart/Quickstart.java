package io.lockstep.tools.quickstart;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import io.lockstep.tools.cluster.AdminConnection;
import io.lockstep.tools.cluster.ClusterAddress;
import io.lockstep.tools.cluster.ClusterDirectory;
import io.lockstep.tools.cluster.RootOwner;
import io.lockstep.tools.config.SecretFile;
import io.lockstep.tools.process.MountFlags;
import io.lockstep.tools.process.MountPoint;
import io.lockstep.tools.process.PortFile;
import io.lockstep.tools.process.ProcessIdentity;
import io.lockstep.tools.process.ReadyFile;
import io.lockstep.wire.message.ClusterStatus;
import io.lockstep.wire.message.CreateVolume;
import io.lockstep.wire.message.DaemonRow;
import io.lockstep.wire.message.GetVolume;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * Confined to its caller. One master, three storage daemons and one mount as five processes of this
 * machine. Starting is the same whether nothing, some or all of them run: what is dead is started,
 * what lives is left alone.
 */
public final class Quickstart {
  public static final String VOLUME = "demo";
  private static final int REPLICAS = 3;
  private static final long READY_NS = TimeUnit.SECONDS.toNanos(60);
  private static final long ASK_NS = TimeUnit.SECONDS.toNanos(30);
  private static final long POLL_NS = TimeUnit.MILLISECONDS.toNanos(20);

  /** One process as a person sees it. */
  public record Row(String role, Long pid, String address, String state) {}

  private final LocalCluster cluster;
  private final ClusterDirectory directory;
  private final Consumer<String> progress;

  /**
   * @param progress told what happens, in words
   */
  public Quickstart(LocalCluster cluster, Consumer<String> progress) {
    this.cluster = cluster;
    this.directory = cluster.directory();
    this.progress = progress;
  }

  private static List<String> roles() {
    List<String> roles = new ArrayList<>();
    roles.add(ClusterDirectory.MASTER);
    roles.addAll(ClusterDirectory.STORAGES);
    roles.add(ClusterDirectory.MOUNT);
    return roles;
  }

  /** Makes everything run. */
  public void start(Path mountPoint) throws IOException, UserError, Outcome {
    if (!Files.exists(directory.run())) {
      // Refused, it leaves nothing behind.
      prepareFresh(new MountPoint(mountPoint));
    }
    Files.createDirectories(directory.run());
    try (FileChannel channel =
            FileChannel.open(
                directory.run().resolve("lock"),
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock()) {
      if (lock == null) {
        throw UserError.failed("another quickstart is at work in %s", directory.top());
      }
      startLocked(mountPoint);
    }
  }

  private void startLocked(Path mountPoint) throws IOException, UserError, Outcome {
    MountPoint mount = new MountPoint(mountPoint);
    boolean mounted = prepareMount(mount);
    SecretFile.ensure(directory.secretFile());
    String master = startMaster();
    for (String role : ClusterDirectory.STORAGES) {
      if (cluster.live(role).isEmpty()) {
        progress.accept("starting " + role);
        cluster.startStorage(role, master);
      }
    }
    if (!mounted) {
      progress.accept("starting mount on " + mount.directory());
      directory.keepMountPoint(mount.directory());
      cluster.startMount(
          ClusterDirectory.MOUNT, master, VOLUME, mount.directory(), List.of("--wait=60"));
    }
    cluster.awaitReady(ClusterDirectory.MASTER, READY_NS);
    for (String role : ClusterDirectory.STORAGES) {
      cluster.awaitReady(role, READY_NS);
    }
    ensureVolume(master);
    progress.accept("waiting for the mount");
    cluster.awaitReady(ClusterDirectory.MOUNT, READY_NS);
    directory.becomeLatest();
  }

  /** Whether the mount is there already; else the directory is fit to be mounted on. */
  private boolean prepareMount(MountPoint mount) throws IOException, UserError {
    Optional<Path> kept = directory.mountPoint();
    if (cluster.live(ClusterDirectory.MOUNT).isPresent()) {
      if (kept.isPresent() && !kept.get().equals(mount.directory())) {
        throw UserError.failed(
            "volume %s is mounted at %s already; stop first to mount it elsewhere",
            VOLUME, kept.get());
      }
      if (mount.isThere()) {
        // It may not answer now, as long as the master is away.
        return true;
      }
      // Started and not ready yet, or unmounted by hand: begin anew.
      cluster.stop(List.of(ClusterDirectory.MOUNT));
    }
    prepareFresh(mount);
    return false;
  }

  private static void prepareFresh(MountPoint mount) throws IOException, UserError {
    mount.clearIfDead(ClusterDirectory.state());
    Files.createDirectories(mount.directory());
    MountFlags.parse(mount.directory(), List.of()).prepare();
  }

  /** The address of the master, which runs or was just started. */
  private String startMaster() throws IOException, UserError {
    if (cluster.live(ClusterDirectory.MASTER).isPresent()) {
      return directory.masterAddress();
    }
    PortFile ports = directory.masterPort();
    int before = ports.kept();
    int port = ports.choose(ClusterDirectory.HOST);
    if (before != 0 && before != port) {
      // Somebody else has the master's port: the others would ask there for ever.
      progress.accept("port " + before + " is taken: moving the master to " + port);
      cluster.stop(roles());
    }
    progress.accept("starting master");
    cluster.startMaster(port);
    return ClusterDirectory.HOST + ":" + port;
  }

  private void ensureVolume(String master) throws UserError, Outcome {
    ClusterAddress address = new ClusterAddress(List.of(master), directory.secretFile());
    try (AdminConnection connection = AdminConnection.open(address)) {
      if (hasVolume(connection)) {
        return;
      }
      awaitDaemons(connection);
      progress.accept("creating volume " + VOLUME + " with " + REPLICAS + " replicas");
      Request create =
          Request.newBuilder()
              .setCreateVolume(
                  CreateVolume.newBuilder()
                      .setName(VOLUME)
                      .setReplicas(REPLICAS)
                      .setRoot(RootOwner.ofThisUser())
                      .setWish(AdminConnection.newWish()))
              .build();
      try {
        connection.ask(create, ASK_NS);
      } catch (Outcome e) {
        // Another one was quicker.
        if (e.code() != ErrorCode.EXISTS) {
          throw e;
        }
      }
    }
  }

  private static boolean hasVolume(AdminConnection connection) throws Outcome {
    try {
      connection.ask(
          Request.newBuilder().setGetVolume(GetVolume.newBuilder().setName(VOLUME)).build(),
          ASK_NS);
      return true;
    } catch (Outcome e) {
      if (e.code() == ErrorCode.NOT_FOUND) {
        return false;
      }
      throw e;
    }
  }

  private static void awaitDaemons(AdminConnection connection) throws Outcome, UserError {
    Request status =
        Request.newBuilder().setClusterStatus(ClusterStatus.getDefaultInstance()).build();
    long deadlineNs = System.nanoTime() + ASK_NS;
    while (true) {
      Reply reply = connection.ask(status, ASK_NS);
      long alive =
          reply.getClusterStatus().getDaemonsList().stream().filter(DaemonRow::getAlive).count();
      if (alive >= REPLICAS) {
        return;
      }
      if (System.nanoTime() - deadlineNs >= 0) {
        throw UserError.failed("only %d of %d storage daemons registered", alive, REPLICAS);
      }
      LockSupport.parkNanos(POLL_NS);
    }
  }

  /** What runs, in the order of starting. */
  public List<Row> status() throws IOException {
    List<Row> rows = new ArrayList<>();
    for (String role : roles()) {
      Optional<ProcessIdentity> live = cluster.live(role);
      Optional<ReadyFile> ready = cluster.ready(role);
      String state = live.isEmpty() ? "not running" : ready.isEmpty() ? "starting" : "running";
      if (role.equals(ClusterDirectory.MOUNT) && ready.isPresent()) {
        state =
            new MountPoint(Path.of(ready.get().address())).isMounted() ? "mounted" : "unmounted";
      }
      rows.add(
          new Row(
              role,
              live.map(ProcessIdentity::pid).orElse(null),
              ready.map(ReadyFile::address).orElse("-"),
              state));
    }
    return rows;
  }

  /** Ends everything, the mount first so that what it holds is written. */
  public void stop() throws IOException, UserError {
    cluster.stop(List.of(ClusterDirectory.MOUNT));
    for (Path directory : directory.records().mounts()) {
      new MountPoint(directory).clearIfDead(ClusterDirectory.state());
    }
    cluster.stop(roles());
    directory.records().clear();
  }
}
