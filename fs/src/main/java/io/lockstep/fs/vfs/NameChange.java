package io.lockstep.fs.vfs;

import io.lockstep.fs.vfs.LeasedNames.Directory;
import org.jspecify.annotations.Nullable;

/**
 * Immutable. A change of this mount under way; ended by one call of the {@link NameCache} that
 * takes it.
 */
final class NameChange {
  final long[] inodes;

  /** Of each inode: the directory that it is or is covered by, if that was leased. */
  final @Nullable Directory[] held;

  final NameAsk ask;

  NameChange(long[] inodes, @Nullable Directory[] held, NameAsk ask) {
    this.inodes = inodes;
    this.held = held;
    this.ask = ask;
  }
}
