package io.lockstep.replication.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import io.lockstep.replication.transaction.Effect;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Payload;
import io.lockstep.wire.message.ClearDirty;
import io.lockstep.wire.message.PreOp;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SyncObjects;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Confined to the replication agent. Clears dirty marks, many inodes at once, on a schedule of its
 * own: first the data becomes durable on every RW and WO member and size and times at the master,
 * then exactly the marks of ended cycles go (I5, P7). One batch at a time; what fails stays for the
 * next.
 */
final class PostOpBatcher {
  private static final int BATCH_MAX = 256;

  /**
   * An ended cycle: its mark names token and cycle.
   *
   * @param unmarked a clear was refused: pending marks have to be set first
   */
  record Item(LeasedInode inode, Token token, long cycle, boolean unmarked) {
    Item(LeasedInode inode, Token token, long cycle) {
      this(inode, token, cycle, false);
    }

    boolean needsMarks(Effect.Done synced) {
      return !synced.absent().isEmpty() && (unmarked || inode.lastWriteEpoch() < synced.epoch());
    }
  }

  private final Engine engine;
  private final Set<LeasedInode> written = new LinkedHashSet<>();
  private final Map<LeasedInode, Item> ready = new LinkedHashMap<>();
  private boolean running;

  PostOpBatcher(Engine engine) {
    this.engine = engine;
  }

  /** A cycle of this inode has begun. */
  void written(LeasedInode inode) {
    written.add(inode);
  }

  /** A cycle has ended. An older one of the same inode is superseded: its mark is no more. */
  void ready(Item item) {
    Item before = ready.remove(item.inode);
    ready.put(item.inode, item);
    if (before != null) {
      item.inode.onPostOpDone(before.cycle);
    }
  }

  boolean isIdle() {
    return written.isEmpty() && ready.isEmpty() && !running;
  }

  /** Ends the cycles that are old or quiet enough, or all; then starts a batch. */
  void onTick(boolean all) {
    long nowNs = engine.nowNs();
    for (LeasedInode inode : List.copyOf(written)) {
      if (all || inode.isPostOpDue(nowNs)) {
        written.remove(inode);
        inode.requestPostOp();
      }
    }
    if (engine.isSessionEnded()) {
      List<Item> gone = List.copyOf(ready.values());
      ready.clear();
      gone.forEach(item -> item.inode.onPostOpDone(item.cycle));
    }
    if (!running && !ready.isEmpty()) {
      start();
    }
  }

  private void start() {
    List<Item> batch = new ArrayList<>();
    long set = ready.values().iterator().next().inode.set();
    for (Iterator<Item> i = ready.values().iterator(); i.hasNext() && batch.size() < BATCH_MAX; ) {
      Item item = i.next();
      if (item.inode.set() == set) {
        batch.add(item);
        i.remove();
      }
    }
    running = true;
    engine.counters.add(Counters.Phase.POST_OPS);
    int[] left = {batch.size()};
    boolean[] told = {true};
    for (Item item : batch) {
      engine.refresher.refresh(
          item.inode,
          ok -> {
            told[0] &= ok;
            left[0]--;
            if (left[0] == 0) {
              if (told[0]) {
                sync(set, batch);
              } else {
                again(batch);
              }
            }
          });
    }
  }

  private void sync(long set, List<Item> batch) {
    List<Long> inodes = batch.stream().map(item -> item.inode.inode()).toList();
    List<Long> versions = batch.stream().map(item -> item.inode.writesDone()).toList();
    engine.counters.add(Counters.Phase.SYNCS);
    engine.transact(
        set,
        (epoch, absent) ->
            Request.newBuilder()
                .setSyncObjects(
                    SyncObjects.newBuilder().setSet(set).setEpoch(epoch).addAllInodes(inodes))
                .build(),
        Payload.EMPTY,
        done -> {
          if (!done.code().isOk()) {
            again(batch);
            return;
          }
          for (int i = 0; i < batch.size(); i++) {
            batch.get(i).inode.synced(versions.get(i));
          }
          mark(set, batch, done);
        });
  }

  /**
   * A member went absent after the last write of a cycle: the pending mark for it must stand before
   * the dirty mark goes (P2).
   */
  private void mark(long set, List<Item> batch, Effect.Done synced) {
    List<Item> unmarked = batch.stream().filter(item -> item.needsMarks(synced)).toList();
    if (unmarked.isEmpty()) {
      clear(set, batch);
      return;
    }
    List<Item> standing = new ArrayList<>(batch);
    int[] left = {unmarked.size()};
    for (Item item : unmarked) {
      engine.transact(
          set,
          (epoch, absent) ->
              Request.newBuilder()
                  .setPreOp(
                      PreOp.newBuilder()
                          .setContext(item.inode.context(epoch, item.token, item.cycle, absent)))
                  .build(),
          Payload.EMPTY,
          done -> {
            if (!done.code().isOk()) {
              standing.remove(item);
              notMarked(item, done.code());
            }
            left[0]--;
            if (left[0] == 0) {
              clear(set, standing);
            }
          });
    }
  }

  /** Fenced: somebody else wrote since, and has a mark of his own. Else it is tried again. */
  private void notMarked(Item item, ErrorCode code) {
    if (code == ErrorCode.STALE_TOKEN || code == ErrorCode.OBJECT_DELETED) {
      item.inode.onPostOpDone(item.cycle);
    } else {
      ready.putIfAbsent(item.inode, item);
    }
  }

  private void clear(long set, List<Item> batch) {
    if (batch.isEmpty()) {
      running = false;
      return;
    }
    List<ClearDirty.Item> items = new ArrayList<>();
    for (Item item : batch) {
      items.add(
          ClearDirty.Item.newBuilder()
              .setInode(item.inode.inode())
              .setToken(Convert.message(item.token))
              .setCycle(item.cycle)
              .build());
    }
    engine.transact(
        set,
        (epoch, absent) ->
            Request.newBuilder()
                .setClearDirty(
                    ClearDirty.newBuilder()
                        .setSet(set)
                        .setEpoch(epoch)
                        .addAllAbsent(absent)
                        .addAllItems(items))
                .build(),
        Payload.EMPTY,
        done -> {
          if (done.code() == ErrorCode.CONFLICT) {
            again(batch.stream().map(i -> new Item(i.inode, i.token, i.cycle, true)).toList());
            return;
          }
          if (!done.code().isOk()) {
            again(batch);
            return;
          }
          running = false;
          batch.forEach(item -> item.inode.onPostOpDone(item.cycle));
        });
  }

  private void again(List<Item> batch) {
    running = false;
    batch.forEach(item -> ready.putIfAbsent(item.inode, item));
  }
}
