package io.lockstep.replication.client;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.wire.message.LeaseMode;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Guarded by its own lock. Leases that ride on other requests (P14): their ids, and the recalls
 * that overtake them. Ids of leases that are asked for in the usual way come from here too, for
 * inodes that are not known (any more): each is above all that were used for any of them.
 */
final class Rides {
  private static final int RECALLED_MAX = 10_000;

  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final Map<Long, Long> recalled = new HashMap<>();

  @GuardedBy("lock")
  private final Set<Long> proposed = new HashSet<>();

  @GuardedBy("lock")
  private long era;

  /** No inode without an entry had a lease id above this one. */
  @GuardedBy("lock")
  private long base;

  LeaseProposal propose(LeaseMode mode) {
    lock.lock();
    try {
      base++;
      proposed.add(base);
      return new LeaseProposal(base, mode, era);
    } finally {
      lock.unlock();
    }
  }

  /** What leases of an inode that is known from now on begin above. */
  long base() {
    lock.lock();
    try {
      return base;
    } finally {
      lock.unlock();
    }
  }

  /** An inode is forgotten whose leases went up to this one. */
  void raise(long lastLease) {
    lock.lock();
    try {
      base = Math.max(base, lastLease);
    } finally {
      lock.unlock();
    }
  }

  /** A lease was recalled that nobody knows; whether it is one that may be on its way. */
  boolean onRecall(long inode, long lease) {
    lock.lock();
    try {
      if (!proposed.contains(lease)) {
        return false;
      }
      recalled.merge(inode, lease, Math::max);
      if (recalled.size() > RECALLED_MAX) {
        recalled.clear();
        era++;
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Leases are lost, or lockd is another one: what was proposed before is void. */
  void end() {
    lock.lock();
    try {
      era++;
    } finally {
      lock.unlock();
    }
  }

  /** The proposal has its answer; whether a grant in it is good. Once for each proposal. */
  boolean take(LeaseProposal proposal, long inode) {
    lock.lock();
    try {
      boolean good = proposal.era() == era && recalled.getOrDefault(inode, 0L) < proposal.lease();
      proposed.remove(proposal.lease());
      if (proposed.isEmpty()) {
        recalled.clear();
      }
      return good;
    } finally {
      lock.unlock();
    }
  }
}
