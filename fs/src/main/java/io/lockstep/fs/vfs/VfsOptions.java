package io.lockstep.fs.vfs;

import io.lockstep.core.Times;

/**
 * Immutable. What a {@link Vfs} shows and its bounds.
 *
 * @param volume the volume
 * @param root the inode that is shown as the top
 * @param readOnly every change is refused with READ_ONLY
 * @param operationNs an operation ends after this, with or without success
 * @param handlesMax open files, and open directories, at the same time
 */
public record VfsOptions(
    long volume, long root, boolean readOnly, long operationNs, int handlesMax) {
  private static final int HANDLES_MAX = 1 << 20;

  public static VfsOptions of(long volume, long root) {
    return new VfsOptions(volume, root, false, Times.DEFAULT.operationNs(), HANDLES_MAX);
  }

  public VfsOptions withReadOnly(boolean value) {
    return new VfsOptions(volume, root, value, operationNs, handlesMax);
  }
}
