package io.lockstep.lockd.server;

import io.lockstep.core.Check;
import io.lockstep.core.Clock;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import io.lockstep.lockd.lease.LeaseTable;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.AcquireLease;
import io.lockstep.wire.message.AnswerQuery;
import io.lockstep.wire.message.CondemnInode;
import io.lockstep.wire.message.LeaseMode;
import io.lockstep.wire.message.RecallNotMine;
import io.lockstep.wire.message.ReclaimLeases;
import io.lockstep.wire.message.ReleaseLease;
import io.lockstep.wire.message.ReleaseLeaseItem;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import io.lockstep.wire.message.RideLease;
import io.lockstep.wire.message.SettleAttributes;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.function.LongConsumer;

/**
 * Confined to the lockd agent. Leases on inodes: messages in, around one lease table for each term,
 * whose effects the {@link Outbox} carries out. Between two terms there is no table.
 */
final class LeaseService {
  /** Of clients. */
  static final Set<BodyCase> KINDS =
      Set.of(
          BodyCase.ACQUIRE_LEASE,
          BodyCase.RELEASE_LEASE,
          BodyCase.RELEASE_LEASES,
          BodyCase.RECLAIM_LEASES,
          BodyCase.RECALL_NOT_MINE,
          BodyCase.ANSWER_QUERY);

  /** Of the master in this process. */
  static final Set<BodyCase> MASTER_KINDS =
      Set.of(BodyCase.SETTLE_ATTRIBUTES, BodyCase.CONDEMN_INODE, BodyCase.RIDE_LEASE);

  private final Outbox outbox;
  private final Clock clock;
  private final LongConsumer onTold;

  /** Null between two terms. */
  private LeaseTable table;

  private long lastRequest;

  /**
   * @param onTold a session has told this term all that it holds
   */
  LeaseService(Outbox outbox, Clock clock, LongConsumer onTold) {
    this.outbox = outbox;
    this.clock = clock;
    this.onTold = onTold;
  }

  // ---- terms and sessions

  void begin(LeaseTable newTable, long term, Collection<Long> sessions) {
    table = newTable;
    outbox.run(table.onStarted(term, sessions, nowNs()));
  }

  void end() {
    table = null;
  }

  boolean isServing() {
    return table != null;
  }

  void onTick() {
    outbox.run(table.onTick(nowNs()));
  }

  void onSessionEnded(long session, boolean clean) {
    outbox.run(table.onSessionEnded(session, clean, nowNs()));
  }

  /** Whether this term has heard of the session, open or ended. */
  boolean isKnown(long session) {
    return table.isKnown(session);
  }

  boolean isOpen(long session) {
    return table.isOpen(session);
  }

  // ---- clients

  /**
   * Of a session that is known.
   *
   * @param request one of {@link #KINDS}
   */
  void serve(Request request, Responder responder, long deadlineNs) {
    long session = request.getSession();
    switch (request.getBodyCase()) {
      case ACQUIRE_LEASE -> acquire(session, request.getAcquireLease(), responder, deadlineNs);
      case RELEASE_LEASE -> {
        ReleaseLease it = request.getReleaseLease();
        release(session, it.getInode(), it.getLease(), it.getClean());
        responder.ok();
      }
      case RELEASE_LEASES -> {
        for (ReleaseLeaseItem it : request.getReleaseLeases().getLeasesList()) {
          release(session, it.getInode(), it.getLease(), it.getClean());
        }
        responder.ok();
      }
      case RECALL_NOT_MINE -> {
        RecallNotMine it = request.getRecallNotMine();
        outbox.run(table.onRecallNotMine(session, it.getInode(), it.getLease(), nowNs()));
        responder.ok();
      }
      case ANSWER_QUERY -> {
        AnswerQuery it = request.getAnswerQuery();
        outbox.run(
            table.onAnswerQuery(session, it.getInode(), it.getLease(), it.getQuery(), nowNs()));
        responder.ok();
      }
      case RECLAIM_LEASES -> reclaim(session, request.getReclaimLeases(), responder);
      default -> throw Check.unreachable("%s is not about leases", request.getBodyCase());
    }
  }

  private void acquire(long session, AcquireLease it, Responder responder, long deadlineNs) {
    if (it.getInode() == 0 || it.getLease() <= 0 || !isMode(it.getMode())) {
      responder.fail(
          ErrorCode.BAD_REQUEST,
          "lease " + it.getLease() + " on inode " + it.getInode() + " in mode " + it.getMode());
      return;
    }
    LeaseTable.Acquire asked =
        new LeaseTable.Acquire(
            session, it.getInode(), it.getLease(), it.getMode(), it.getSet(), deadlineNs);
    outbox.await(session, it.getInode(), it.getLease(), responder);
    outbox.run(table.onAcquire(asked, nowNs()));
  }

  private void release(long session, long inode, long lease, boolean clean) {
    outbox.run(table.onRelease(session, inode, lease, clean, nowNs()));
  }

  private void reclaim(long session, ReclaimLeases request, Responder responder) {
    List<LeaseTable.Reclaim> items = new ArrayList<>();
    for (ReclaimLeases.Item it : request.getLeasesList()) {
      if (!isMode(it.getMode()) || it.getInode() == 0) {
        responder.fail(ErrorCode.BAD_REQUEST, "reclaim of inode " + it.getInode());
        return;
      }
      Token token = it.getMode() == LeaseMode.EXCLUSIVE ? Convert.token(it.getToken()) : Token.NONE;
      items.add(
          new LeaseTable.Reclaim(it.getInode(), it.getLease(), it.getMode(), token, it.getSet()));
    }
    outbox.awaitReclaim(responder);
    outbox.run(table.onReclaim(session, items, request.getLast(), nowNs()));
    if (request.getLast()) {
      onTold.accept(session);
    }
  }

  // ---- the master

  /**
   * @param request one of {@link #MASTER_KINDS}
   */
  void serveMaster(Request request, Responder responder, long deadlineNs) {
    switch (request.getBodyCase()) {
      case SETTLE_ATTRIBUTES -> {
        SettleAttributes it = request.getSettleAttributes();
        long id = nextRequest(responder);
        outbox.run(
            table.onSettleAttributes(
                id, it.getInode(), it.getSession(), it.getSet(), deadlineNs, nowNs()));
      }
      case RIDE_LEASE -> ride(request.getRideLease(), responder, deadlineNs);
      case CONDEMN_INODE -> {
        CondemnInode it = request.getCondemnInode();
        long id = nextRequest(responder);
        outbox.run(table.onCondemn(id, it.getInode(), it.getSet(), deadlineNs, nowNs()));
      }
      default -> throw Check.unreachable("%s is not of the master", request.getBodyCase());
    }
  }

  private void ride(RideLease it, Responder responder, long deadlineNs) {
    if (it.getLease() <= 0 || !isMode(it.getMode()) || !table.isKnown(it.getSession())) {
      responder.fail(ErrorCode.BUSY, "no lease rides along");
      return;
    }
    LeaseTable.Acquire asked =
        new LeaseTable.Acquire(
            it.getSession(), it.getInode(), it.getLease(), it.getMode(), it.getSet(), deadlineNs);
    outbox.await(it.getSession(), it.getInode(), it.getLease(), responder);
    outbox.run(table.onRide(asked, nowNs()));
  }

  private long nextRequest(Responder responder) {
    lastRequest++;
    outbox.await(lastRequest, responder);
    return lastRequest;
  }

  // ---- people

  /** Leases and waits; those of one volume, or all if it is 0. */
  List<LeaseTable.Row> rows(long volume, int max) {
    return table.rows(max, nowNs()).stream()
        .filter(
            row -> volume == 0 || row.session() == 0 || outbox.isOfVolume(row.session(), volume))
        .toList();
  }

  List<LeaseTable.Row> longWaits(long limitNs) {
    return table.longWaits(limitNs, nowNs());
  }

  /** Ends by force; returns what was ended. */
  List<LeaseTable.Row> clear(long session, long ageNs) {
    List<LeaseTable.Row> cleared = new ArrayList<>();
    outbox.run(table.onClear(session, ageNs, cleared, nowNs()));
    return cleared;
  }

  private static boolean isMode(LeaseMode mode) {
    return mode == LeaseMode.SHARED || mode == LeaseMode.EXCLUSIVE;
  }

  private long nowNs() {
    return clock.nowNs();
  }
}
