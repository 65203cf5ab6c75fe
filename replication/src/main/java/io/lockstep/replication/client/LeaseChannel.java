package io.lockstep.replication.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.replication.eagerlock.Mode;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.AcquireLease;
import io.lockstep.wire.message.LeaseMode;
import io.lockstep.wire.message.ReclaimLeases;
import io.lockstep.wire.message.ReleaseLeaseItem;
import io.lockstep.wire.message.ReleaseLeases;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Confined to the replication agent. The talk with lockd: acquire, release (many in one message),
 * reclaim after a change of lockd.
 */
final class LeaseChannel {
  private static final long RETRY_NS = TimeUnit.MILLISECONDS.toNanos(200);
  private static final int BATCH_MAX = 512;

  private record Release(LeasedInode inode, long lease, boolean clean) {}

  private final Engine engine;
  private final ArrayDeque<Release> releases = new ArrayDeque<>();
  private boolean releasing;
  private long lockdTerm;
  private boolean reclaimAgain;
  private boolean reclaiming;

  LeaseChannel(Engine engine) {
    this.engine = engine;
  }

  // ---- acquire

  void acquire(LeasedInode inode, long lease, Mode mode) {
    engine.counters.add(Counters.Phase.LEASES_ASKED);
    AcquireLease body =
        AcquireLease.newBuilder()
            .setInode(inode.inode())
            .setLease(lease)
            .setMode(message(mode))
            .setSet(inode.set())
            .build();
    engine.askMaster(
        Request.newBuilder().setAcquireLease(body).build(),
        engine.times.operationNs(),
        reply -> onAcquireAnswered(inode, lease, mode, reply));
  }

  private void onAcquireAnswered(LeasedInode inode, long lease, Mode mode, Reply reply) {
    ErrorCode code = Replies.code(reply);
    if (code.isOk()) {
      granted(inode, lease, reply);
    } else if (isTemporary(code) && inode.isAwaited(lease) && !engine.isSessionEnded()) {
      engine.agent.schedule(
          RETRY_NS,
          () -> {
            if (inode.isAwaited(lease)) {
              acquire(inode, lease, mode);
            } else {
              inode.onRefused(lease, code);
            }
          });
    } else {
      inode.onRefused(lease, code);
    }
  }

  /** A grant while the lease clock has run out is good again only with the next renewal. */
  private void granted(LeasedInode inode, long lease, Reply reply) {
    if (engine.isSessionEnded()) {
      inode.onRefused(lease, ErrorCode.SESSION_ENDED);
    } else if (engine.isLeaseValid()) {
      engine.counters.add(Counters.Phase.LEASES_GRANTED);
      inode.onGranted(lease, reply.getLeaseGrant());
    } else {
      engine.agent.schedule(RETRY_NS, () -> granted(inode, lease, reply));
    }
  }

  private static boolean isTemporary(ErrorCode code) {
    return switch (code) {
      case TIMED_OUT, DISCONNECTED, BUSY, NOT_LEADER, IN_GRACE, CLOSING, LEASE_TIMEOUT -> true;
      default -> false;
    };
  }

  // ---- release

  void release(LeasedInode inode, long lease, boolean clean) {
    engine.counters.add(Counters.Phase.LEASES_RELEASED);
    releases.add(new Release(inode, lease, clean));
    pump();
  }

  private void pump() {
    if (releasing || reclaiming || releases.isEmpty()) {
      return;
    }
    releasing = true;
    List<Release> batch = new ArrayList<>();
    ReleaseLeases.Builder body = ReleaseLeases.newBuilder();
    while (!releases.isEmpty() && batch.size() < BATCH_MAX) {
      Release release = releases.poll();
      batch.add(release);
      body.addLeases(
          ReleaseLeaseItem.newBuilder()
              .setInode(release.inode.inode())
              .setLease(release.lease)
              .setClean(release.clean));
    }
    send(Request.newBuilder().setReleaseLeases(body).build(), batch);
  }

  private void send(Request request, List<Release> batch) {
    engine.askMaster(
        request, engine.times.memberCallNs(), reply -> onReleaseAnswered(request, batch, reply));
  }

  /**
   * Repeated until it is answered: it is idempotent, and a lease nobody knows of holds others up.
   */
  private void onReleaseAnswered(Request request, List<Release> batch, Reply reply) {
    if (isTemporary(Replies.code(reply)) && !engine.isSessionEnded()) {
      engine.agent.schedule(RETRY_NS, () -> send(request, batch));
      return;
    }
    releasing = false;
    batch.forEach(release -> release.inode.onReleased(release.lease));
    pump();
  }

  // ---- reclaim

  /** A term not seen before: this lockd knows nothing of our leases yet. */
  void onTerm(long term, Supplier<List<LeasedInode>> inodes) {
    if (term == 0 || term == lockdTerm) {
      return;
    }
    lockdTerm = term;
    if (reclaiming) {
      reclaimAgain = true;
    } else {
      reclaim(inodes);
    }
  }

  private void reclaim(Supplier<List<LeasedInode>> inodes) {
    List<ReclaimLeases.Item> items = new ArrayList<>();
    if (engine.isLeaseValid()) {
      inodes.get().forEach(inode -> inode.addReclaim(items));
    }
    reclaiming = true;
    sendReclaim(items, 0, inodes);
  }

  private void sendReclaim(
      List<ReclaimLeases.Item> items, int from, Supplier<List<LeasedInode>> inodes) {
    int to = Math.min(items.size(), from + BATCH_MAX);
    ReclaimLeases body =
        ReclaimLeases.newBuilder()
            .addAllLeases(items.subList(from, to))
            .setLast(to == items.size())
            .build();
    engine.askMaster(
        Request.newBuilder().setReclaimLeases(body).build(),
        engine.times.memberCallNs(),
        reply -> onReclaimAnswered(items, from, to, inodes, reply));
  }

  private void onReclaimAnswered(
      List<ReclaimLeases.Item> items,
      int from,
      int to,
      Supplier<List<LeasedInode>> inodes,
      Reply reply) {
    ErrorCode code = Replies.code(reply);
    if (reclaimAgain || engine.isSessionEnded()) {
      reclaiming = false;
      if (reclaimAgain) {
        reclaimAgain = false;
        reclaim(inodes);
      } else {
        pump();
      }
      return;
    }
    if (isTemporary(code) && code != ErrorCode.IN_GRACE) {
      engine.agent.schedule(RETRY_NS, () -> sendReclaim(items, from, inodes));
      return;
    }
    for (ReclaimLeases.Item item : items.subList(from, to)) {
      boolean refused =
          !code.isOk() || reply.getReclaim().getRefusedList().contains(item.getInode());
      if (refused) {
        inodes.get().stream()
            .filter(inode -> inode.inode() == item.getInode())
            .toList()
            .forEach(inode -> inode.onReclaimRefused(item.getLease()));
      }
    }
    if (to < items.size()) {
      sendReclaim(items, to, inodes);
    } else {
      reclaiming = false;
      pump();
    }
  }

  static LeaseMode message(Mode mode) {
    return mode == Mode.SHARED ? LeaseMode.SHARED : LeaseMode.EXCLUSIVE;
  }

  static ReclaimLeases.Item reclaimItem(LeasedInode inode, long lease, Mode mode) {
    return ReclaimLeases.Item.newBuilder()
        .setInode(inode.inode())
        .setLease(lease)
        .setMode(message(mode))
        .setToken(Convert.message(inode.token()))
        .setSet(inode.set())
        .build();
  }
}
