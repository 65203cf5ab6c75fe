package io.lockstep.replication.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.MemberMode;
import io.lockstep.core.SetConfig;
import io.lockstep.core.Token;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.ClearDirty;
import io.lockstep.wire.message.PreOp;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SyncObjects;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Confined to the replication agent. Clears dirty marks, many inodes at once, on a schedule of its
 * own: first the data becomes durable on every RW and WO member and size and times at the master,
 * then exactly the marks of ended cycles go (I5, P7). One batch at a time; what fails stays for the
 * next.
 *
 * <p>A batch belongs to one configuration: what is durable on the members of one epoch says nothing
 * of a member that came back in the next. A returned member (WO) may have lost what it had
 * received, and the dirty mark is what makes it heal; so a mark stays while a member is WO, unless
 * all of its cycle was written in this very epoch.
 */
final class PostOpBatcher {
  private static final int BATCH_MAX = 256;

  /**
   * An ended cycle: its mark names token and cycle.
   *
   * @param firstEpoch the oldest epoch at which one of its transactions was done
   * @param unmarked a clear was refused: pending marks have to be set first
   */
  record Item(LeasedInode inode, Token token, long cycle, long firstEpoch, boolean unmarked) {
    Item asUnmarked() {
      return new Item(inode, token, cycle, firstEpoch, true);
    }

    boolean mayGo(SetConfig config) {
      boolean healing = config.members().stream().anyMatch(m -> m.mode() == MemberMode.WO);
      return config.isWritable() && (!healing || firstEpoch == config.epoch());
    }

    /** A member may have gone absent after a write of the cycle (P2). */
    boolean needsMarks(SetConfig config) {
      return !config.absent().isEmpty() && (unmarked || firstEpoch < config.epoch());
    }
  }

  private final Engine engine;
  private final Set<LeasedInode> written = new LinkedHashSet<>();
  private final Map<LeasedInode, Item> ready = new LinkedHashMap<>();

  /** The batch on its way; null = none. */
  private List<Item> batch;

  private SetConfig config;

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
    return written.isEmpty() && ready.isEmpty() && batch == null;
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
      // Settling clears what is left of an ended session.
      List<Item> gone = List.copyOf(ready.values());
      ready.clear();
      gone.forEach(item -> item.inode.onPostOpDone(item.cycle));
    }
    if (batch == null) {
      maybeStart();
    }
  }

  private void maybeStart() {
    List<Item> next = new ArrayList<>();
    for (Item item : ready.values()) {
      SetConfig current = engine.configs.view(item.inode.set()).config();
      boolean sameSet = next.isEmpty() || next.get(0).inode.set() == current.set();
      if (sameSet && item.mayGo(current) && next.size() < BATCH_MAX) {
        next.add(item);
        config = current;
      }
    }
    if (next.isEmpty()) {
      return;
    }
    next.forEach(item -> ready.remove(item.inode));
    batch = next;
    engine.counters.add(Counters.Phase.POST_OPS);
    refresh();
  }

  private void refresh() {
    int[] left = {batch.size()};
    boolean[] told = {true};
    for (Item item : batch) {
      engine.refresher.refresh(
          item.inode,
          ok -> {
            told[0] &= ok;
            left[0]--;
            if (left[0] == 0) {
              onRefreshed(told[0]);
            }
          });
    }
  }

  /**
   * Of a file whose lease is lost nothing is told the master any more: its mark stays, or whoever
   * settles would not know that the master's size may be too small.
   */
  private void onRefreshed(boolean told) {
    List<Item> lost = batch.stream().filter(item -> item.inode.buffer().isDistrusted()).toList();
    batch = batch.stream().filter(item -> !lost.contains(item)).toList();
    lost.forEach(item -> item.inode.onPostOpDone(item.cycle));
    if (batch.isEmpty()) {
      batch = null;
    } else if (told) {
      sync();
    } else {
      again(batch);
    }
  }

  private void sync() {
    List<Long> inodes = batch.stream().map(item -> item.inode.inode()).toList();
    List<Long> versions = batch.stream().map(item -> item.inode.durableWrites().done()).toList();
    engine.counters.add(Counters.Phase.SYNCS);
    step(
        (epoch, absent) ->
            Request.newBuilder()
                .setSyncObjects(
                    SyncObjects.newBuilder()
                        .setSet(config.set())
                        .setEpoch(epoch)
                        .addAllInodes(inodes))
                .build(),
        code -> {
          if (!code.isOk()) {
            again(batch);
            return;
          }
          for (int i = 0; i < batch.size(); i++) {
            batch.get(i).inode.durableWrites().onOwnSynced(versions.get(i));
          }
          mark();
        });
  }

  private void mark() {
    List<Item> unmarked = batch.stream().filter(item -> item.needsMarks(config)).toList();
    List<Item> marked = new ArrayList<>(batch);
    if (unmarked.isEmpty()) {
      clear(marked);
      return;
    }
    int[] left = {unmarked.size()};
    for (Item item : unmarked) {
      step(
          (epoch, absent) ->
              Request.newBuilder()
                  .setPreOp(
                      PreOp.newBuilder()
                          .setContext(item.inode.context(epoch, item.token, item.cycle, absent)))
                  .build(),
          code -> {
            if (!code.isOk()) {
              marked.remove(item);
              notMarked(item, code);
            }
            left[0]--;
            if (left[0] == 0) {
              clear(marked);
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

  private void clear(List<Item> marked) {
    if (marked.isEmpty()) {
      batch = null;
      return;
    }
    List<ClearDirty.Item> items = new ArrayList<>();
    for (Item item : marked) {
      items.add(
          ClearDirty.Item.newBuilder()
              .setInode(item.inode.inode())
              .setToken(Convert.message(item.token))
              .setCycle(item.cycle)
              .build());
    }
    step(
        (epoch, absent) ->
            Request.newBuilder()
                .setClearDirty(
                    ClearDirty.newBuilder()
                        .setSet(config.set())
                        .setEpoch(epoch)
                        .addAllAbsent(absent)
                        .addAllItems(items))
                .build(),
        code -> {
          if (code == ErrorCode.CONFLICT) {
            again(marked.stream().map(Item::asUnmarked).toList());
          } else if (!code.isOk()) {
            again(marked);
          } else {
            batch = null;
            marked.forEach(item -> item.inode.onPostOpDone(item.cycle));
          }
        });
  }

  private void step(TransactionRunner.Message message, Consumer<ErrorCode> then) {
    engine.transactAt(config.set(), config.epoch(), message, done -> then.accept(done.code()));
  }

  /** A newer cycle of the inode may be ready by now; then this one is superseded. */
  private void again(List<Item> items) {
    batch = null;
    items.forEach(item -> ready.putIfAbsent(item.inode, item));
  }
}
