package io.lockstep.tools.it;

/** What can happen to a cluster of real processes. */
enum Fault {
  /** Packets between one storage daemon and everybody are lost. */
  CUT,
  /** Packets to it are lost; its own arrive. */
  CUT_TO,
  /** What it sends is lost; it hears everything. */
  CUT_FROM,
  /** One mount and one storage daemon lose each other; all others hear both. */
  CUT_LINK,
  /** Connections of a storage daemon are reset, and new ones are refused. */
  RESET,
  /** A storage daemon behind a thin pipe. */
  SLOW,
  /** SIGKILL of a storage daemon. */
  KILL,
  /** SIGSTOP of a storage daemon. */
  STOP,
  /** A storage daemon in a frozen control group. */
  FREEZE,
  /** Its disk fails to write an object: EIO. */
  WRITE_ERROR,
  /** Its disk fails to sync anything: EIO. */
  SYNC_ERROR,
  /** Its disk fails to read an object: EIO. */
  READ_ERROR,
  /** Its disk says ENOSPC. */
  NO_SPACE,
  /** Its disk is full. */
  FULL_DISK,
  /** SIGKILL of the master. */
  MASTER_KILL,
  /** SIGKILL of a mount, which is mounted again. */
  MOUNT_KILL,
  /** SIGSTOP of a mount for longer than a lease lives. */
  MOUNT_STOP,
  /** All storage daemons and the master lose power, and what was not flushed. */
  POWER_CUT;

  /** Whether a member must turn ERR by it, and be healed afterwards. */
  boolean failsMember() {
    return switch (this) {
      case SLOW, READ_ERROR, MASTER_KILL, MOUNT_KILL, MOUNT_STOP, POWER_CUT -> false;
      default -> true;
    };
  }
}
