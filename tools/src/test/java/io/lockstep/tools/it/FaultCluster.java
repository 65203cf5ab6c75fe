package io.lockstep.tools.it;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.tools.UserError;
import io.lockstep.tools.process.ProcessIdentity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Confined to the thread that made it. A cluster in a network of its own, on disks that can lose
 * power, with two mounts, and two more that are loose; and what can be done to it.
 */
final class FaultCluster implements AutoCloseable {
  static final int STORAGES = 3;
  static final int MOUNTS = 2;

  /** Their indices follow those of the others. */
  static final int LOOSE_MOUNTS = 2;

  static final String VOLUME = "demo";

  /** A member that failed again and again has to wait up to a minute before it may return. */
  private static final int IN_STEP_SECONDS = 120;

  private final TestCluster cluster;
  private final ControlGroups groups;
  private final PrivateNetwork network;
  private final PowerDisks disks;
  private final DiskFaults diskFaults;
  private final List<Path> mounts = new ArrayList<>();

  private FaultCluster(Path top) throws Exception {
    Path launcher = DiskFaults.copy("in-group", top);
    Files.setPosixFilePermissions(
        launcher, java.nio.file.attribute.PosixFilePermissions.fromString("rwx------"));
    this.diskFaults = DiskFaults.build(top);
    String groupsName = top.getFileName().toString();
    this.cluster =
        TestCluster.empty(
            top,
            launcher,
            Map.of(
                "FAULT_GROUPS", ControlGroups.directory(groupsName).toString(),
                "FAULT_SHIM", diskFaults.shim().toString(),
                "FAULT_LAUNCHER", TestCluster.launcher().toString(),
                "DISK_FAULTS", diskFaults.control().toString()));
    this.groups = new ControlGroups(cluster.directory().records(), groupsName);
    cluster.closes(groups);
    this.disks =
        new PowerDisks(
            cluster.directory(), List.of(TestCluster.MASTER, storage(1), storage(2), storage(3)));
    cluster.closes(disks);
    this.network = new PrivateNetwork(groups);
  }

  /** All of it runs. */
  static FaultCluster start() throws Exception {
    FaultCluster made = new FaultCluster(TestCluster.runDirectory("faults"));
    try {
      made.startAll();
      return made;
    } catch (Exception | Error e) {
      made.cluster.fail();
      made.close();
      throw e;
    }
  }

  private void startAll() throws Exception {
    introduce(TestCluster.MASTER);
    for (int i = 1; i <= STORAGES; i++) {
      introduce(storage(i));
    }
    for (int i = 0; i < MOUNTS + LOOSE_MOUNTS; i++) {
      introduce(mountRole(i));
    }
    startDaemons();
    cluster.createVolume(VOLUME, STORAGES);
    for (int i = 0; i < MOUNTS + LOOSE_MOUNTS; i++) {
      String cache = i < MOUNTS ? "cache=coherent" : "cache=loose";
      mounts.add(cluster.mount(mountRole(i), VOLUME, cache));
    }
  }

  private void introduce(String role) throws Exception {
    groups.add(role);
    network.know(role);
  }

  @Override
  public void close() throws IOException, UserError {
    try {
      mend();
      for (int i = 1; i <= STORAGES; i++) {
        groups.thaw(storage(i));
      }
    } finally {
      try {
        cluster.close();
      } finally {
        network.close();
      }
    }
  }

  TestCluster cluster() {
    return cluster;
  }

  /** Where all of them are, the loose ones last. */
  List<Path> mounts() {
    return mounts;
  }

  static String storage(int number) {
    return TestCluster.storage(number);
  }

  static String mountRole(int index) {
    return "mount-" + (char) ('a' + index);
  }

  // ---- processes

  /** The master and all storage daemons. */
  void startDaemons() throws Exception {
    cluster.startMaster();
    for (int i = 1; i <= STORAGES; i++) {
      cluster.startStorage(i);
    }
    cluster.ready(TestCluster.MASTER);
    for (int i = 1; i <= STORAGES; i++) {
      cluster.ready(storage(i));
    }
  }

  /** SIGKILL of a daemon. */
  void kill(String role) throws Exception {
    cluster.kill(role);
    groups.awaitEmpty(role);
  }

  boolean runs(String role) throws Exception {
    return cluster.directory().records().live(role).isPresent();
  }

  void startStorage(int number) throws Exception {
    cluster.startStorage(number);
    cluster.ready(storage(number));
  }

  void restartMaster() throws Exception {
    cluster.startMaster();
    cluster.ready(TestCluster.MASTER);
  }

  void remount(int index) throws Exception {
    cluster.mount(mountRole(index), VOLUME);
  }

  void freeze(int number) throws Exception {
    groups.freeze(storage(number));
  }

  void thaw(int number) throws Exception {
    groups.thaw(storage(number));
  }

  /** Another process that belongs to the run. */
  void started(String role, Process process) throws IOException {
    Optional<ProcessIdentity> identity = ProcessIdentity.of(process.pid());
    if (identity.isPresent()) {
      cluster.directory().records().started(role, identity.get());
    }
  }

  // ---- network

  private int port(int number) throws Exception {
    String address = cluster.ready(storage(number)).address();
    return Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
  }

  void cutOff(int number, PrivateNetwork.Direction direction, PrivateNetwork.Fate fate)
      throws Exception {
    network.cutOff(storage(number), port(number), direction, fate);
  }

  void cutLink(int mount, int number) throws Exception {
    network.cutLink(mountRole(mount), port(number));
  }

  void slowDown(int number) throws Exception {
    network.slowDown(port(number));
  }

  long speedUp(int number) throws Exception {
    return network.speedUp(port(number));
  }

  /** Packets that did not arrive. */
  long mend() throws IOException {
    return network.mend();
  }

  // ---- disks

  DiskFaults diskFaults() {
    return diskFaults;
  }

  Path data(int number) {
    return cluster.directory().data(storage(number));
  }

  private Path filler(int number) {
    return data(number).resolve("filler");
  }

  /** Somebody else takes the space that is left on the disk of this daemon. */
  void fillDisk(int number) throws Exception {
    TestCluster.shell(
        "fallocate -l $(( $(stat -f -c '%a * %S' \"$1\") - 1048576 )) \"$2\"",
        data(number), filler(number));
  }

  void emptyDisk(int number) throws Exception {
    Files.delete(filler(number));
  }

  /** What is on all disks at one instant, from which on nobody hears anybody. */
  void cutPower() throws Exception {
    // First, so that nothing that is not in the copy can be told to anybody.
    network.cutAll();
    disks.copy();
    for (int i = 1; i <= STORAGES; i++) {
      kill(storage(i));
    }
    kill(TestCluster.MASTER);
  }

  /** The daemons start from the copy. */
  void restorePower() throws Exception {
    disks.restore();
    network.mend();
    startDaemons();
  }

  // ---- what the cluster says about itself

  JsonNode member(int number) throws Exception {
    return cluster.memberOn(number);
  }

  /** Whether every member is in step again, and how long that took. */
  long awaitClean(String what) {
    return cluster.eventually(
        "all members are in step after " + what, IN_STEP_SECONDS, cluster::isClean);
  }
}
