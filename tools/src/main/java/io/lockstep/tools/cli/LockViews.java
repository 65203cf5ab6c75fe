package io.lockstep.tools.cli;

import io.lockstep.wire.message.EagerLockRow;
import io.lockstep.wire.message.FileLockRow;
import io.lockstep.wire.message.LeaseMode;
import io.lockstep.wire.message.LeaseRow;
import io.lockstep.wire.message.TokenMessage;
import java.util.List;
import java.util.Map;

/** Immutable. What {@code lockstep lock} prints, as tables and as JSON. */
final class LockViews {
  private LockViews() {}

  /** One lease as lockd has it. */
  record LeaseView(
      long inode,
      String state,
      String mode,
      long session,
      long lease,
      String token,
      long ageMs,
      int owners,
      int waiters,
      String wanted,
      String host,
      int pid,
      String mountPoint,
      String holder,
      String lastEnd) {
    static LeaseView of(LeaseRow row) {
      return new LeaseView(
          row.getInode(),
          row.getState(),
          row.getMode().name(),
          row.getSession(),
          row.getLease(),
          tokenText(row.getToken()),
          row.getAgeMs(),
          row.getOwners(),
          row.getWaiters(),
          modeText(row.getWanted()),
          row.getHost(),
          row.getPid(),
          row.getMountPoint(),
          row.getHolder(),
          row.getLastEnd());
    }
  }

  /** One lease on a directory as lockd has it. */
  record DirectoryLeaseView(
      long directory,
      String state,
      long session,
      long lease,
      long ageMs,
      int owners,
      int waiters,
      String volume,
      String host,
      int pid,
      String mountPoint,
      String holder) {
    static DirectoryLeaseView of(LeaseRow row) {
      return new DirectoryLeaseView(
          row.getInode(),
          row.getState(),
          row.getSession(),
          row.getLease(),
          row.getAgeMs(),
          row.getOwners(),
          row.getWaiters(),
          row.getVolume(),
          row.getHost(),
          row.getPid(),
          row.getMountPoint(),
          row.getHolder());
    }
  }

  /** What was ended by force, as it was. */
  record ClearView(List<LeaseView> leases, List<DirectoryLeaseView> directories) {}

  /** A lock of an application, or its wait for one. */
  record FileLockView(
      long inode,
      String kind,
      boolean write,
      long start,
      long end,
      boolean waiting,
      long ageMs,
      long session,
      long owner,
      int pid,
      String holder) {
    static FileLockView of(FileLockRow row) {
      return new FileLockView(
          row.getInode(),
          row.getFlock() ? "flock" : "fcntl",
          row.getWrite(),
          row.getStart(),
          row.getEnd(),
          row.getWaiting(),
          row.getAgeMs(),
          row.getSession(),
          row.getOwner(),
          row.getPid(),
          row.getHolder());
    }
  }

  /** What lockd says. */
  record ListView(
      List<LeaseView> leases,
      List<DirectoryLeaseView> directories,
      List<FileLockView> fileLocks,
      Map<String, Long> counters) {}

  /** One eager lock as its mount has it. */
  record EagerLockView(
      long inode,
      String state,
      String held,
      long lease,
      String token,
      long epoch,
      long cycle,
      List<String> owners,
      List<String> waiters,
      List<String> frozen,
      boolean timer,
      boolean release,
      boolean lost,
      int descriptors) {
    static EagerLockView of(EagerLockRow row) {
      return new EagerLockView(
          row.getInode(),
          row.getState(),
          modeText(row.getHeld()),
          row.getLease(),
          tokenText(row.getToken()),
          row.getEpoch(),
          row.getCycle(),
          row.getOwnersList(),
          row.getWaitersList(),
          row.getFrozenList(),
          row.getTimer(),
          row.getRelease(),
          row.getLost(),
          row.getDescriptors());
    }
  }

  /**
   * What one mount says.
   *
   * @param problem why it could not be asked; empty if it answered
   */
  record MountView(
      long session,
      String host,
      int pid,
      String mountPoint,
      String problem,
      List<EagerLockView> locks,
      Map<String, Long> counters) {}

  /** Both sides. */
  record DumpView(
      List<LeaseView> leases,
      List<DirectoryLeaseView> directories,
      List<FileLockView> fileLocks,
      Map<String, Long> counters,
      List<MountView> mounts) {}

  static Table leases(List<LeaseView> rows) {
    Table table =
        new Table(
            "INODE",
            "STATE",
            "MODE",
            "SESSION",
            "LEASE",
            "TOKEN",
            "AGE",
            "OWNERS",
            "WAITERS",
            "HOLDER",
            "LAST END");
    for (LeaseView row : rows) {
      table.row(
          row.inode(),
          row.wanted().isEmpty() ? row.state() : row.state() + " for " + row.wanted(),
          row.mode(),
          row.session() == 0 ? "-" : row.session(),
          row.session() == 0 ? "-" : row.lease(),
          row.token(),
          Age.text(row.ageMs()),
          row.owners(),
          row.waiters(),
          dash(row.holder()),
          dash(row.lastEnd()));
    }
    return table;
  }

  static Table directories(List<DirectoryLeaseView> rows) {
    Table table =
        new Table("DIRECTORY", "STATE", "SESSION", "LEASE", "AGE", "OWNERS", "WAITERS", "HOLDER");
    for (DirectoryLeaseView row : rows) {
      table.row(
          row.directory(),
          row.state(),
          row.session(),
          row.lease(),
          Age.text(row.ageMs()),
          row.owners(),
          row.waiters(),
          dash(row.holder()));
    }
    return table;
  }

  static Table fileLocks(List<FileLockView> rows) {
    Table table = new Table("INODE", "LOCK", "TYPE", "BYTES", "STATE", "SESSION", "PID", "HOLDER");
    for (FileLockView row : rows) {
      String end = row.end() == Long.MAX_VALUE ? "" : String.valueOf(row.end());
      table.row(
          row.inode(),
          row.kind(),
          row.write() ? "WRITE" : "READ",
          "[" + row.start() + "," + end + ")",
          row.waiting() ? "WAITING " + Age.text(row.ageMs()) : "HELD",
          row.session(),
          row.pid(),
          dash(row.holder()));
    }
    return table;
  }

  static Table eagerLocks(List<EagerLockView> rows) {
    Table table =
        new Table(
            "INODE", "STATE", "HELD", "LEASE", "TOKEN", "OWNERS", "TIMER", "RELEASE", "WAITERS",
            "FROZEN", "OPEN");
    for (EagerLockView row : rows) {
      table.row(
          row.inode(),
          row.lost() ? row.state() + " lost" : row.state(),
          dash(row.held()),
          row.lease(),
          row.token(),
          dash(String.join(" ", row.owners())),
          row.timer() ? "armed" : "-",
          row.release() ? "flagged" : "-",
          dash(String.join(" ", row.waiters())),
          dash(String.join(" ", row.frozen())),
          row.descriptors());
    }
    return table;
  }

  static String dash(String text) {
    return text.isEmpty() ? "-" : text;
  }

  private static String tokenText(TokenMessage token) {
    return token.getTerm() + "." + token.getSequence();
  }

  private static String modeText(LeaseMode mode) {
    return mode == LeaseMode.LEASE_MODE_UNKNOWN ? "" : mode.name();
  }
}
