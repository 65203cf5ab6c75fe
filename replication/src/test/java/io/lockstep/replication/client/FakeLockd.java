package io.lockstep.replication.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.AcquireLease;
import io.lockstep.wire.message.LeaseCleared;
import io.lockstep.wire.message.LeaseGrant;
import io.lockstep.wire.message.LeaseMode;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.RecallLease;
import io.lockstep.wire.message.Reply;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/** Confined to virtual time. Leases in memory: who comes first is served first. */
final class FakeLockd {
  /** A lease, held or awaited. */
  private record Lease(
      long session, long id, LeaseMode mode, Token token, Consumer<Reply> onReply) {
    boolean conflicts(Lease other) {
      boolean upgrade =
          session == other.session && mode == LeaseMode.SHARED && other.mode == LeaseMode.EXCLUSIVE;
      return !upgrade && (mode == LeaseMode.EXCLUSIVE || other.mode == LeaseMode.EXCLUSIVE);
    }
  }

  private static final class Inode {
    final List<Lease> held = new ArrayList<>();
    final List<Lease> queue = new ArrayList<>();
  }

  private static final long GRACE_NS = 3_000_000_000L;

  private final FakeCluster cluster;
  private final Map<Long, Inode> inodes = new TreeMap<>();
  private final Map<String, Long> lastEnded = new HashMap<>();
  long term = 1;
  long grants;
  int uncleanEnds;
  private long sequence;
  private long graceUntilNs;

  FakeLockd(FakeCluster cluster) {
    this.cluster = cluster;
  }

  Token nextToken() {
    sequence++;
    return new Token(term, sequence);
  }

  int heldCount() {
    return inodes.values().stream().mapToInt(inode -> inode.held.size()).sum();
  }

  private Inode inode(long id) {
    return inodes.computeIfAbsent(id, i -> new Inode());
  }

  void acquire(long session, AcquireLease asked, Consumer<Reply> onReply) {
    Inode inode = inode(asked.getInode());
    for (Lease held : inode.held) {
      if (held.session == session && held.id == asked.getLease()) {
        onReply.accept(grant(asked.getInode(), held));
        return;
      }
    }
    if (asked.getLease() <= lastEnded.getOrDefault(session + "/" + asked.getInode(), 0L)) {
      onReply.accept(Replies.failure(ErrorCode.STALE_LEASE, ""));
      return;
    }
    inode.queue.removeIf(lease -> lease.session == session && lease.id == asked.getLease());
    inode.queue.add(new Lease(session, asked.getLease(), asked.getMode(), Token.NONE, onReply));
    pump(asked.getInode());
  }

  void release(long session, long id, long lease, boolean clean) {
    Inode inode = inode(id);
    lastEnded.merge(session + "/" + id, lease, Math::max);
    inode.queue.removeIf(waiting -> waiting.session == session && waiting.id <= lease);
    for (Lease held : List.copyOf(inode.held)) {
      if (held.session == session && held.id == lease) {
        inode.held.remove(held);
        if (!clean && held.mode == LeaseMode.EXCLUSIVE) {
          uncleanEnds++;
          cluster.settle(id, nextToken());
        }
      }
    }
    pump(id);
  }

  /** Ends by force what the session holds on the inode. */
  void clear(long session, long id) {
    for (Lease held : List.copyOf(inode(id).held)) {
      if (held.session == session) {
        release(session, id, held.id, false);
        cluster.push(session, cleared(id, held.id));
      }
    }
  }

  static Push cleared(long id, long lease) {
    return Push.newBuilder()
        .setLeaseCleared(LeaseCleared.newBuilder().setInode(id).setLease(lease))
        .build();
  }

  /** As after the expiry of a session. */
  void endSession(long session) {
    for (long id : List.copyOf(inodes.keySet())) {
      inode(id).queue.removeIf(waiting -> waiting.session == session);
      for (Lease held : List.copyOf(inode(id).held)) {
        if (held.session == session) {
          release(session, id, held.id, false);
        }
      }
      pump(id);
    }
  }

  /** A new lockd that knows nothing; it grants nothing before all had time to reclaim. */
  void restart() {
    term++;
    sequence = 0;
    inodes.values().stream()
        .flatMap(inode -> inode.queue.stream())
        .forEach(waiter -> waiter.onReply.accept(Replies.failure(ErrorCode.DISCONNECTED, "")));
    inodes.clear();
    graceUntilNs = cluster.time.nowNs() + GRACE_NS;
    cluster.time.schedule(GRACE_NS, () -> List.copyOf(inodes.keySet()).forEach(this::pump));
  }

  boolean reclaim(long session, long id, long lease, LeaseMode mode, Token token) {
    release(session, id, lease - 1, true);
    inode(id).held.removeIf(held -> held.session == session);
    inode(id).held.add(new Lease(session, lease, mode, token, reply -> {}));
    return true;
  }

  private void pump(long id) {
    if (cluster.time.nowNs() < graceUntilNs) {
      return;
    }
    Inode inode = inode(id);
    for (Iterator<Lease> i = inode.queue.iterator(); i.hasNext(); ) {
      Lease head = i.next();
      boolean blocked = inode.held.stream().anyMatch(held -> held.conflicts(head));
      if (blocked) {
        recall(id, head);
        return;
      }
      i.remove();
      inode.held.removeIf(held -> held.session == head.session);
      boolean exclusive = head.mode == LeaseMode.EXCLUSIVE;
      Lease granted =
          new Lease(
              head.session, head.id, head.mode, exclusive ? nextToken() : Token.NONE, head.onReply);
      inode.held.add(granted);
      grants++;
      head.onReply.accept(grant(id, granted));
    }
  }

  private Reply grant(long id, Lease lease) {
    return Reply.newBuilder()
        .setLeaseGrant(
            LeaseGrant.newBuilder()
                .setToken(Convert.message(lease.token))
                .setLockdTerm(term)
                .setEpoch(cluster.config.epoch())
                .setAttributes(cluster.attributes(id)))
        .build();
  }

  private void recall(long id, Lease waiter) {
    for (Lease held : inode(id).held) {
      if (held.conflicts(waiter)) {
        cluster.push(
            held.session,
            Push.newBuilder()
                .setRecallLease(
                    RecallLease.newBuilder().setInode(id).setLease(held.id).setWanted(waiter.mode))
                .build());
      }
    }
    cluster.time.schedule(
        500_000_000,
        () -> {
          if (inode(id).queue.contains(waiter)) {
            pump(id);
          }
        });
  }
}
