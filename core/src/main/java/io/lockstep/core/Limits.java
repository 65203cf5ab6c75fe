package io.lockstep.core;

/**
 * Immutable. The bounds of the system (I10): one place, so that a format, a buffer and a check
 * agree.
 */
public final class Limits {
  private Limits() {}

  /** Bytes of one name in a directory, as on Linux. */
  public static final int NAME_BYTES_MAX = 255;

  /** Bytes of a path or of the target of a symbolic link, as on Linux. */
  public static final int PATH_BYTES_MAX = 4095;

  /** Symbolic links and path components that one walk may cross. */
  public static final int WALK_NAMES_MAX = 2048;

  public static final int XATTR_NAME_BYTES_MAX = 255;
  public static final int XATTR_VALUE_BYTES_MAX = 65_536;

  /** Bytes of all xattr names of one inode together: what listxattr can return. */
  public static final int XATTR_LIST_BYTES_MAX = 65_536;

  /** Hard links to one inode, as on ext4. */
  public static final int LINKS_MAX = 65_000;

  /** The largest file: 2^43 - 4096 bytes, far below the end of a signed offset. */
  public static final long FILE_BYTES_MAX = (1L << 43) - 4096;

  /** Payload of one frame. */
  public static final int PAYLOAD_BYTES_MAX = 1 << 20;

  /** Protobuf header of one frame. */
  public static final int HEADER_BYTES_MAX = 1 << 20;

  /** Unit of checksums, of heal and of compare. */
  public static final int BLOCK_BYTES = 4096;

  /** Members of one replica set. */
  public static final int MEMBERS_MAX = 7;
}
