package io.lockstep.lockd.client;

import io.lockstep.lockd.client.LockSpec.Whose;
import io.lockstep.lockd.posix.LockedRanges;
import io.lockstep.lockd.posix.LockedRanges.Piece;
import io.lockstep.wire.message.LockAction;
import io.lockstep.wire.message.SetLock;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Confined to the agent of its {@link FileLocks}, but for what says otherwise. What this mount was
 * granted and has not given back, and through which descriptors: told to a new lockd, and marked as
 * lost when it does not take it over.
 */
final class HeldLocks {
  private static final class Owned {
    final LockedRanges ranges = new LockedRanges();
    final Set<Long> handles = new HashSet<>();
  }

  private final Map<Whose, Owned> owned = new HashMap<>();

  /** How many reasons there are to believe that an owner has locks: any thread may look. */
  private final ConcurrentHashMap<Whose, Integer> users = new ConcurrentHashMap<>();

  /** Open files through which locks were asked for: any thread may look. */
  private final Set<Long> usedHandles = ConcurrentHashMap.newKeySet();

  /** By any thread: false if no lock was asked for through this open file. */
  boolean isUsed(long handle) {
    return usedHandles.contains(handle);
  }

  /** By any thread. */
  void useHandle(long handle) {
    usedHandles.add(handle);
  }

  /** The open file is closed for good: the owners of what was locked through it alone. */
  List<Whose> close(long handle) {
    usedHandles.remove(handle);
    List<Whose> orphans = new ArrayList<>();
    owned.forEach(
        (key, mine) -> {
          if (mine.handles.remove(handle) && mine.handles.isEmpty()) {
            orphans.add(key);
          }
        });
    return orphans;
  }

  /** By any thread: false if this owner surely has nothing on this file and asks for nothing. */
  boolean mayHold(Whose key) {
    return users.containsKey(key);
  }

  /** By any thread. */
  void use(Whose key) {
    users.merge(key, 1, Integer::sum);
  }

  void unuse(Whose key) {
    users.computeIfPresent(key, (k, count) -> count == 1 ? null : count - 1);
  }

  void granted(LockSpec spec, boolean write, long handle) {
    Owned mine =
        owned.computeIfAbsent(
            spec.key(),
            key -> {
              use(key);
              return new Owned();
            });
    if (spec.flock()) {
      mine.ranges.clear(0, Long.MAX_VALUE);
    }
    mine.ranges.set(new Piece(spec.start(), spec.end(), write, spec.pid()));
    mine.handles.add(handle);
  }

  void released(LockSpec spec) {
    Owned mine = owned.get(spec.key());
    if (mine != null) {
      mine.ranges.clear(spec.start(), spec.end());
      if (mine.ranges.isEmpty()) {
        forget(spec.key());
      }
    }
  }

  /** The descriptors through which these locks were taken; they are held no more. */
  Set<Long> forget(Whose key) {
    Owned mine = owned.remove(key);
    if (mine == null) {
      return Set.of();
    }
    unuse(key);
    return mine.handles;
  }

  Collection<Whose> keys() {
    return List.copyOf(owned.keySet());
  }

  int size() {
    return owned.values().stream().mapToInt(mine -> mine.ranges.size()).sum();
  }

  /** Everything, as a new lockd is told of it. */
  List<SetLock> messages() {
    List<SetLock> all = new ArrayList<>();
    owned.forEach(
        (key, mine) -> {
          for (Piece piece : mine.ranges.pieces()) {
            all.add(
                SetLock.newBuilder()
                    .setInode(key.inode())
                    .setOperation(1)
                    .setFlock(key.flock())
                    .setOwner(key.owner())
                    .setStart(piece.start())
                    .setEnd(piece.end())
                    .setAction(piece.write() ? LockAction.LOCK_WRITE : LockAction.LOCK_READ)
                    .setPid(piece.pid())
                    .build());
          }
        });
    return all;
  }
}
