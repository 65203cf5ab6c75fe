package io.lockstep.fs.fuse;

import io.lockstep.fs.vfs.OpenMode;

/** Immutable. The bits that Linux sends in numbers, on this machine. */
final class LinuxFlags {
  private static final int O_ACCMODE = 3;
  private static final int O_WRONLY = 1;
  private static final int O_RDWR = 2;
  private static final int O_EXCL = 0200;
  private static final int O_TRUNC = 01000;
  private static final int O_APPEND = 02000;
  private static final int O_DSYNC = 010000;
  private static final int O_DIRECT =
      "aarch64".equals(System.getProperty("os.arch")) ? 0200000 : 040000;

  static final int SET_MODE = 1;
  static final int SET_UID = 1 << 1;
  static final int SET_GID = 1 << 2;
  static final int SET_SIZE = 1 << 3;
  static final int SET_ATIME = 1 << 4;
  static final int SET_MTIME = 1 << 5;
  static final int SET_ATIME_NOW = 1 << 7;
  static final int SET_MTIME_NOW = 1 << 8;

  static final int FALLOC_KEEP_SIZE = 1;
  static final int FALLOC_PUNCH_HOLE = 2;
  static final int FALLOC_ZERO_RANGE = 0x10;

  static final int XATTR_CREATE = 1;
  static final int XATTR_REPLACE = 2;

  private LinuxFlags() {}

  static OpenMode mode(int flags) {
    int access = flags & O_ACCMODE;
    return new OpenMode(
        access != O_WRONLY,
        access == O_WRONLY || access == O_RDWR,
        (flags & O_EXCL) != 0,
        (flags & O_TRUNC) != 0,
        isDirect(flags));
  }

  static boolean isDirect(int flags) {
    return (flags & O_DIRECT) != 0;
  }

  /**
   * Whether the kernel is to keep no pages of what goes through this descriptor. It cuts a write to
   * pages that it does not know in pieces, and another mount's record would land between the pieces
   * of an appended one; also, where it believes the end to be is not where others have moved it.
   */
  static boolean bypassesPages(int flags) {
    return isDirect(flags) || isAppend(flags);
  }

  static boolean isAppend(int flags) {
    return (flags & O_APPEND) != 0;
  }

  /** O_SYNC or O_DSYNC: the former contains the latter. */
  static boolean isSync(int flags) {
    return (flags & O_DSYNC) != 0;
  }
}
