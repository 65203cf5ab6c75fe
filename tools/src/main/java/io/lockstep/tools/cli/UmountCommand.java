package io.lockstep.tools.cli;

import io.lockstep.tools.UserError;
import io.lockstep.tools.cluster.ClusterDirectory;
import io.lockstep.tools.cluster.RootOwner;
import io.lockstep.tools.process.MountPoint;
import io.lockstep.tools.process.MountRecord;
import io.lockstep.tools.process.MountTable;
import io.lockstep.tools.process.ProcessIdentity;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Confined to the main thread. {@code lockstep umount DIR}. */
@Command(
    name = "umount",
    description = {"Unmounts.", "Waits until everything written there has reached the replicas."},
    mixinStandardHelpOptions = true,
    footer = {"", "Example: lockstep umount ~/photos"})
final class UmountCommand implements Callable<Integer> {
  private static final long END_NS = TimeUnit.SECONDS.toNanos(35);
  private static final long POLL_NS = TimeUnit.MILLISECONDS.toNanos(10);

  @Parameters(paramLabel = "DIR", description = "a mount of Lockstep")
  private Path directory;

  @Option(names = "--lazy", description = "also if it is in use: it goes when the last user goes")
  private boolean lazy;

  @Option(
      names = "--force",
      description = "kills the mount's process; what it has not written is lost")
  private boolean force;

  @Override
  public Integer call() throws UserError, IOException {
    MountPoint mount = new MountPoint(directory);
    Optional<MountTable.Row> row = MountTable.read().on(mount.directory());
    if (row.isEmpty()) {
      throw UserError.failed("nothing is mounted on %s", mount.directory());
    }
    if (!row.get().type().equals(MountPoint.TYPE)) {
      throw UserError.failed(
          "%s is a mount of type %s, not one of Lockstep", mount.directory(), row.get().type());
    }
    refuseIfOfAnother(row.get(), RootOwner.ofThisUser().getUid());
    Optional<ProcessIdentity> process =
        MountRecord.find(ClusterDirectory.state(), mount.directory());
    if (force) {
      process.ifPresent(ProcessIdentity::kill);
    }
    mount.unmount(force ? MountPoint.How.FORCE : lazy ? MountPoint.How.LAZY : MountPoint.How.PLAIN);
    if (!lazy && process.isPresent() && !awaitEnd(process.get())) {
      throw UserError.failed(
          "unmounted, but process %d is still writing after %d s; see its log",
          process.get().pid(), TimeUnit.NANOSECONDS.toSeconds(END_NS));
    }
    return 0;
  }

  /** What fusermount would say with less words. */
  static void refuseIfOfAnother(MountTable.Row mount, int user) throws UserError {
    if (user != 0 && user != mount.owner()) {
      throw UserError.failed(
          "%s was mounted by user %d: only he and root may unmount it",
          mount.directory(), mount.owner());
    }
  }

  private static boolean awaitEnd(ProcessIdentity process) {
    long deadlineNs = System.nanoTime() + END_NS;
    while (process.isAlive()) {
      if (System.nanoTime() - deadlineNs >= 0) {
        return false;
      }
      LockSupport.parkNanos(POLL_NS);
    }
    return true;
  }
}
