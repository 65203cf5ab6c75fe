package io.lockstep.lockd.server;

import io.lockstep.lockd.lease.Effect;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Written by the lockd agent, read by any thread: which files have an exclusive holder or are being
 * settled, so that the master can answer a stat of any other file without asking the agent.
 *
 * <p>An owner is entered before its grant is sent. So whoever begins to ask after that holder has
 * written finds it here.
 */
final class SizeOwners {
  private final ConcurrentHashMap<Long, Long> owners = new ConcurrentHashMap<>();
  private volatile boolean complete;

  /** Whether the master's attributes of this file are right for this session; false = ask. */
  boolean isMasterRight(long inode, long session) {
    if (!complete) {
      return false;
    }
    Long owner = owners.get(inode);
    return owner == null || (owner != Effect.SizeOwner.UNSETTLED && owner == session);
  }

  void set(long inode, long owner) {
    if (owner == Effect.SizeOwner.MASTER) {
      owners.remove(inode);
    } else {
      owners.put(inode, owner);
    }
  }

  /** All holders are known, and what former ones left is settled. */
  void complete() {
    complete = true;
  }

  void clear() {
    complete = false;
    owners.clear();
  }
}
