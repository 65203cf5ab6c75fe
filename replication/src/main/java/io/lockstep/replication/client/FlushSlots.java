package io.lockstep.replication.client;

import java.util.LinkedHashSet;
import java.util.Set;

/** Confined to the replication agent. Bounds the flushes in flight of all files together. */
final class FlushSlots {
  private final Set<LeasedInode> waiting = new LinkedHashSet<>();
  private int free;
  private boolean serving;

  FlushSlots(int count) {
    this.free = count;
  }

  /** A slot, or false: then {@link LeasedInode#pump} is called when there is one. */
  boolean tryTake(LeasedInode inode) {
    if (free == 0) {
      waiting.add(inode);
      return false;
    }
    free--;
    return true;
  }

  /** The flush is done, or there was none to send. */
  void give() {
    free++;
    if (serving) {
      // The loop below sees it: whoever is served may give back what he did not need.
      return;
    }
    serving = true;
    while (free > 0 && !waiting.isEmpty()) {
      LeasedInode next = waiting.iterator().next();
      waiting.remove(next);
      next.pump();
    }
    serving = false;
  }
}
