package io.lockstep.fs.vfs;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Caller;

/** Immutable. The permission bits, for the few places where nobody above could check them. */
final class Permissions {
  private static final int READ = 4;
  private static final int WRITE = 2;

  /** setuid and setgid. */
  static final int PRIVILEGES = 06000;

  private static final int SETUID = 04000;
  private static final int SETGID = 02000;
  private static final int GROUP_EXECUTE = 010;

  private Permissions() {}

  /** The bits of a mode that a write takes away: setgid without execute is a mark for locking. */
  static int privileges(int mode) {
    boolean group = (mode & GROUP_EXECUTE) != 0;
    return mode & (group ? SETUID | SETGID : SETUID);
  }

  static void checkOpen(Caller caller, Attributes attributes, OpenMode mode) throws Outcome {
    int wanted = (mode.read() ? READ : 0) | (mode.write() || mode.truncate() ? WRITE : 0);
    check(caller, attributes, wanted);
  }

  /**
   * Like access(2).
   *
   * @param wanted 4 to read, 2 to write, 1 to execute or search
   */
  static void check(Caller caller, Attributes attributes, int wanted) throws Outcome {
    int mode = attributes.getMode();
    int granted;
    if (caller.getUid() == 0) {
      // Like root on any filesystem: everything, but executing needs one execute bit somewhere.
      granted = (mode & 0111) != 0 ? 7 : 6;
    } else if (caller.getUid() == attributes.getUid()) {
      granted = mode >> 6;
    } else if (isMember(caller, attributes.getGid())) {
      granted = mode >> 3;
    } else {
      granted = mode;
    }
    if ((wanted & ~granted & 7) != 0) {
      throw new Outcome(ErrorCode.ACCESS_DENIED, "mode " + Integer.toOctalString(mode));
    }
  }

  private static boolean isMember(Caller caller, int gid) {
    return caller.getGid() == gid || caller.getGroupsList().contains(gid);
  }
}
