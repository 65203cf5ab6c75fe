package io.lockstep.metadata.namespace;

import io.lockstep.wire.message.Caller;

/**
 * Immutable. Who may do what. uid 0 stands for the capabilities CAP_CHOWN, CAP_FOWNER, CAP_FSETID,
 * CAP_MKNOD and CAP_SYS_ADMIN.
 */
final class Rights {
  private static final int OWNER_WRITE = 0200;
  private static final int GROUP_WRITE = 020;
  private static final int OTHERS_WRITE = 02;

  private Rights() {}

  static boolean isRoot(Caller caller) {
    return caller.getUid() == 0;
  }

  static boolean isOwner(Caller caller, Inode inode) {
    return isRoot(caller) || caller.getUid() == inode.uid();
  }

  static boolean isInGroup(Caller caller, int gid) {
    return caller.getGid() == gid || caller.getGroupsList().contains(gid);
  }

  static boolean mayWrite(Caller caller, Inode inode) {
    if (isRoot(caller)) {
      return true;
    }
    int needed = OTHERS_WRITE;
    if (caller.getUid() == inode.uid()) {
      needed = OWNER_WRITE;
    } else if (isInGroup(caller, inode.gid())) {
      needed = GROUP_WRITE;
    }
    return (inode.mode() & needed) != 0;
  }
}
