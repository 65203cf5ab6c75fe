package io.lockstep.replication.heal;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.replication.heal.HealEffect.Begin;
import io.lockstep.replication.heal.HealEffect.ClearPendingAt;
import io.lockstep.replication.heal.HealEffect.Compare;
import io.lockstep.replication.heal.HealEffect.Copy;
import io.lockstep.replication.heal.HealEffect.DeleteLocal;
import io.lockstep.replication.heal.HealEffect.Finish;
import io.lockstep.replication.heal.HealEffect.StatSource;
import io.lockstep.replication.heal.HealEffect.SyncLocal;
import io.lockstep.replication.marks.DirtyMark;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Confined to the control agent. Makes the local copy of one object equal to a source: state,
 * begin, compare and copy range by range, sync, clear the pending marks, finish. One request is
 * outstanding at a time; a reply that carries another task is stale and was dropped before.
 *
 * <p>Bytes are durable before any mark is cleared (I5). A source that fails is replaced by the
 * next; when all failed the object stays as it is, marked.
 */
final class ObjectRepair {
  /** Blocks of one compare: 4 MiB. */
  static final int COMPARE_BLOCKS = 1024;

  /** Bytes of one copy. */
  static final int COPY_BYTES_MAX = Limits.PAYLOAD_BYTES_MAX;

  private static final int CRC_BYTES = 4;

  enum State {
    /** Asks the source what it has. */
    STAT,
    /** Marks the object locally as being healed. */
    BEGIN,
    /** Compares one range. */
    COMPARE,
    /** Copies what differs in it. */
    COPY,
    /** Makes the copy durable. */
    SYNC,
    /** Removes the pending marks at those who hold one. */
    CLEAR_PENDING,
    /** Removes the local marks. */
    FINISH,
    /** Deletes what is dead at the source. */
    DELETE,
    /** Equal to the source. */
    DONE,
    /** Not equal; marks stand. */
    FAILED;

    boolean isEnd() {
      return this == DONE || this == FAILED;
    }
  }

  private final long inode;
  private final long task;
  private final List<Integer> sources;
  private final Map<Integer, Long> pendingVersions;
  private final @Nullable DirtyMark ownDirty;
  private final @Nullable DirtyMark sourceDirty;

  private State state = State.STAT;
  private int source;
  private long sourceSize;
  private long offset;
  private boolean deleted;
  private ErrorCode failure = ErrorCode.OK;
  private final ArrayDeque<Range> differing = new ArrayDeque<>();
  private final ArrayDeque<Map.Entry<Integer, Long>> toClear = new ArrayDeque<>();

  /**
   * @param sources members to take it from, in order of preference
   * @param pendingVersions the mark for this member that each RW member has, by member
   * @param ownDirty the local dirty mark when the heal began, or null
   * @param sourceDirty a dirty mark that a source has, or null. It says more than that bytes may
   *     differ: the master may not know the size yet. So a copy that was healed has it, too, or it
   *     would be gone when each member was healed once
   */
  ObjectRepair(
      long inode,
      long task,
      List<Integer> sources,
      Map<Integer, Long> pendingVersions,
      @Nullable DirtyMark ownDirty,
      @Nullable DirtyMark sourceDirty) {
    Check.that(!sources.isEmpty(), "object %x has no source", inode);
    this.inode = inode;
    this.task = task;
    this.sources = List.copyOf(sources);
    this.pendingVersions = new TreeMap<>(pendingVersions);
    this.ownDirty = ownDirty;
    this.sourceDirty = sourceDirty;
  }

  long inode() {
    return inode;
  }

  long task() {
    return task;
  }

  State state() {
    return state;
  }

  /** Why it FAILED. */
  ErrorCode failure() {
    return failure;
  }

  HealEffect start() {
    return new StatSource(inode, task, member());
  }

  @Nullable HealEffect onStat(ErrorCode code, SourceState found) {
    Check.that(state == State.STAT, "state of object %x arrived in %s", inode, state);
    if (!code.isOk()) {
      return nextSource(code);
    }
    if (found.tombstone()) {
      state = State.DELETE;
      deleted = true;
      return new DeleteLocal(inode, task, found.newest());
    }
    sourceSize = found.sizeBytes();
    state = State.BEGIN;
    return new Begin(inode, task, found, sourceDirty);
  }

  @Nullable HealEffect onCompared(ErrorCode code, byte[] source, byte[] local) {
    Check.that(state == State.COMPARE, "checksums of object %x arrived in %s", inode, state);
    if (!code.isOk()) {
      return nextSource(code);
    }
    int blocks = Math.min(COMPARE_BLOCKS, source.length / CRC_BYTES);
    long from = -1;
    for (int i = 0; i <= blocks; i++) {
      boolean differs = i < blocks && !sameBlock(source, local, i);
      if (differs && from < 0) {
        from = i;
      } else if (!differs && from >= 0) {
        addDiffering(from, i);
        from = -1;
      }
    }
    // A short answer is the end of the source's object: a client cut it meanwhile, and here too.
    offset += (long) COMPARE_BLOCKS * Limits.BLOCK_BYTES;
    if (blocks < COMPARE_BLOCKS) {
      offset = Math.max(offset, sourceSize);
    }
    return copyOrCompare();
  }

  /** The answer to every other request. */
  @Nullable HealEffect onDone(ErrorCode code) {
    return switch (state) {
      case BEGIN -> onBegun(code);
      case COPY -> code.isOk() ? copyOrCompare() : nextSource(code);
      case SYNC, DELETE -> code.isOk() ? beginClearing() : fail(code);
      case CLEAR_PENDING -> code.isOk() ? clearNext() : fail(code);
      case FINISH -> code.isOk() ? end() : fail(code);
      case STAT, COMPARE, DONE, FAILED ->
          throw Check.unreachable("answer %s for object %x in %s", code, inode, state);
    };
  }

  /**
   * An object that is dead here is dead for good, whether the sources have heard of it or have
   * forgotten it already: nobody misses it, and the marks go.
   */
  private @Nullable HealEffect onBegun(ErrorCode code) {
    if (code == ErrorCode.OBJECT_DELETED) {
      deleted = true;
      return beginClearing();
    }
    return code.isOk() ? copyOrCompare() : fail(code);
  }

  private void addDiffering(long fromBlock, long toBlock) {
    long from = offset + fromBlock * Limits.BLOCK_BYTES;
    long to = Math.min(offset + toBlock * Limits.BLOCK_BYTES, sourceSize);
    for (long at = from; at < to; at += COPY_BYTES_MAX) {
      differing.add(new Range(at, Math.min(to, at + COPY_BYTES_MAX)));
    }
  }

  private static boolean sameBlock(byte[] source, byte[] local, int block) {
    int at = block * CRC_BYTES;
    return at + CRC_BYTES <= local.length
        && Arrays.equals(source, at, at + CRC_BYTES, local, at, at + CRC_BYTES);
  }

  private HealEffect copyOrCompare() {
    Range next = differing.poll();
    if (next != null) {
      state = State.COPY;
      return new Copy(inode, task, member(), next.from(), (int) next.length());
    }
    if (offset < sourceSize) {
      state = State.COMPARE;
      return new Compare(inode, task, member(), offset, COMPARE_BLOCKS);
    }
    state = State.SYNC;
    return new SyncLocal(inode, task);
  }

  private @Nullable HealEffect beginClearing() {
    toClear.addAll(pendingVersions.entrySet());
    return clearNext();
  }

  private @Nullable HealEffect clearNext() {
    Map.Entry<Integer, Long> next = toClear.poll();
    if (next != null) {
      state = State.CLEAR_PENDING;
      return new ClearPendingAt(inode, task, next.getKey(), next.getValue());
    }
    if (deleted) {
      return end();
    }
    state = State.FINISH;
    return new Finish(inode, task, ownDirty, sourceDirty != null);
  }

  private @Nullable HealEffect nextSource(ErrorCode code) {
    source++;
    if (source >= sources.size()) {
      return fail(code);
    }
    differing.clear();
    offset = 0;
    state = State.STAT;
    return start();
  }

  private @Nullable HealEffect fail(ErrorCode code) {
    failure = code;
    state = State.FAILED;
    return null;
  }

  private @Nullable HealEffect end() {
    state = State.DONE;
    return null;
  }

  private int member() {
    return sources.get(source);
  }
}
