package io.lockstep.lockd.client;

import io.lockstep.lockd.client.LockSpec.Whose;
import io.lockstep.lockd.posix.LockedRanges.Piece;
import io.lockstep.wire.message.LockAction;
import io.lockstep.wire.message.SetLock;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/**
 * Confined to the agent of its {@link FileLocks}, but for what says otherwise. What this mount was
 * granted and has not given back, and through which descriptors: told to a new lockd, and marked as
 * lost when it does not take it over.
 */
final class HeldLocks {
  private final Map<Whose, OwnerLocks> owned = new HashMap<>();

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
          if (mine.removeHandle(handle)) {
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

  /** It has an id, and is sent. */
  void begin(LockOperation operation) {
    update(operation.spec.key(), mine -> mine.begin(operation));
  }

  void onQueued(LockOperation operation, Moment at) {
    update(operation.spec.key(), mine -> mine.onQueued(operation, at));
  }

  /** False if what it locked was taken by force before this answer came. */
  boolean onExecuted(LockOperation operation, Moment at) {
    boolean[] stands = {true};
    update(operation.spec.key(), mine -> stands[0] = mine.onExecuted(operation, at));
    return stands[0];
  }

  /** Not executed, and never will be, or nobody knows. */
  void onEnded(LockOperation operation) {
    update(operation.spec.key(), mine -> mine.onEnded(operation));
  }

  boolean isLockedBehind(Whose key, Moment at) {
    OwnerLocks mine = owned.get(key);
    return mine != null && mine.isLockedBehind(at);
  }

  /** The descriptors through which these locks were taken; they are held no more. */
  Set<Long> forget(Whose key) {
    return takeHandles(key, OwnerLocks::forget);
  }

  /** The same of what was taken by force up to that moment, with nothing locked behind it. */
  Set<Long> onTaken(Whose key, Moment at) {
    return takeHandles(key, mine -> mine.onTaken(at));
  }

  private Set<Long> takeHandles(Whose key, Consumer<OwnerLocks> change) {
    OwnerLocks mine = owned.get(key);
    if (mine == null) {
      return Set.of();
    }
    Set<Long> handles = mine.handles();
    update(key, change);
    return handles;
  }

  private void update(Whose key, Consumer<OwnerLocks> change) {
    OwnerLocks mine = owned.computeIfAbsent(key, k -> new OwnerLocks());
    boolean wasHeld = mine.isHeld();
    change.accept(mine);
    if (mine.isHeld() && !wasHeld) {
      use(key);
    } else if (wasHeld && !mine.isHeld()) {
      unuse(key);
    }
    if (mine.isOver()) {
      owned.remove(key);
    }
  }

  Collection<Whose> keys() {
    return owned.keySet().stream().filter(key -> owned.get(key).isHeld()).toList();
  }

  int size() {
    return owned.values().stream().mapToInt(OwnerLocks::size).sum();
  }

  /** Everything, as a new lockd is told of it. */
  List<SetLock> messages() {
    List<SetLock> all = new ArrayList<>();
    owned.forEach(
        (key, mine) -> {
          for (Piece piece : mine.tell()) {
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
