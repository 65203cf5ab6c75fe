package io.lockstep.replication.heal;

import io.lockstep.core.Token;
import io.lockstep.replication.marks.DirtyMark;
import org.jspecify.annotations.Nullable;

/**
 * Immutable. What a {@link Healer} or {@link Settler} asks for. Effects of one list are independent
 * of each other; each is answered once, by the method of the machine that its comment names, with
 * an error code if it could not be done.
 */
public sealed interface HealEffect {
  /** One page of an RW member's marked objects, or of all its objects: {@code onListed}. */
  record ListSource(long sweep, int member, long cursor, boolean all) implements HealEffect {}

  /** One page of the local objects that are dirty or half healed: {@code onOwnListed}. */
  record ListOwn(long sweep, long cursor) implements HealEffect {}

  /** The state of the object at the source: {@code onStat}. */
  record StatSource(long inode, long task, int member) implements HealEffect {}

  /**
   * Locally and in one step: marks the object as being healed, durably, makes the source's token
   * and its pending marks about members out of step known, and gives it the size of the source as
   * far as the rules allow: {@code onDone}.
   *
   * @param sourceDirty a mark that stands at a source: here too from now on, unless a clear of it
   *     has come already
   */
  record Begin(long inode, long task, SourceState source, @Nullable DirtyMark sourceDirty)
      implements HealEffect {}

  /** The object is dead at the source: delete it here too, with this token: {@code onDone}. */
  record DeleteLocal(long inode, long task, Token token) implements HealEffect {}

  /** Checksums of the bytes of a range on both sides: {@code onCompared}. */
  record Compare(long inode, long task, int member, long offset, int blocks)
      implements HealEffect {}

  /** Pulls the range and writes the parts that the rules allow: {@code onDone}. */
  record Copy(long inode, long task, int member, long offset, int length) implements HealEffect {}

  /** Makes the local bytes durable: {@code onDone}. */
  record SyncLocal(long inode, long task) implements HealEffect {}

  /** Removes the pending mark for this member there: {@code onDone}, CONFLICT = it was renewed. */
  record ClearPendingAt(long inode, long task, int member, long version) implements HealEffect {}

  /**
   * Locally: the object is whole: {@code onDone}.
   *
   * @param ownDirty goes if no client touched it
   * @param keepsDirty no dirty mark goes that may still be cleared, for a source has one
   */
  record Finish(long inode, long task, @Nullable DirtyMark ownDirty, boolean keepsDirty)
      implements HealEffect {}

  /** Everything is healed as of the epoch: tell the master: {@code onReported}. */
  record Report() implements HealEffect {}

  /** Call {@code onPauseOver} after this time. */
  record Pause(long sweep, long delayNs) implements HealEffect {}
}
