package io.lockstep.lockd.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.lockd.posix.FileLockLimits;
import io.lockstep.lockd.posix.FileLockTable;
import io.lockstep.lockd.posix.LockEffect;
import io.lockstep.lockd.posix.LockRequest;
import io.lockstep.wire.Replies;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.CancelLock;
import io.lockstep.wire.message.FileLockRow;
import io.lockstep.wire.message.LockAction;
import io.lockstep.wire.message.LockSettled;
import io.lockstep.wire.message.LocksLost;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.ReclaimLocks;
import io.lockstep.wire.message.ReclaimLocksReply;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import io.lockstep.wire.message.SetLock;
import io.lockstep.wire.message.SetLockReply;
import io.lockstep.wire.message.TestLock;
import io.lockstep.wire.message.TestLockReply;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;

/**
 * Confined to the lockd agent. Locks of applications: messages in, messages out, around one lock
 * table for each term. Every request is answered at once; who waits is told by a push, and asks
 * again in case that gets lost.
 */
final class FileLockService {
  static final Set<BodyCase> KINDS =
      Set.of(BodyCase.SET_LOCK, BodyCase.CANCEL_LOCK, BodyCase.TEST_LOCK, BodyCase.RECLAIM_LOCKS);

  private final FileLockLimits limits;
  private final Pushers pushers;
  private final SessionNames names;
  private final LockdCounters counters;
  private FileLockTable table;
  private long term;

  FileLockService(
      FileLockLimits limits, Pushers pushers, SessionNames names, LockdCounters counters) {
    this.limits = limits;
    this.pushers = pushers;
    this.names = names;
    this.counters = counters;
    this.table = new FileLockTable(limits);
  }

  /** A new term knows of no lock. */
  void begin(long newTerm, Collection<Long> sessions, long nowNs) {
    term = newTerm;
    table = new FileLockTable(limits);
    push(table.onStarted(sessions, nowNs));
  }

  void onTick(long nowNs) {
    push(table.onTick(nowNs));
  }

  void onSessionEnded(long session, long nowNs) {
    push(table.onSessionEnded(session, nowNs));
  }

  /** Takes what the session holds; its holders are told. */
  void clear(long session, long nowNs) {
    push(table.onClear(session, nowNs));
  }

  /**
   * Of a session that is open.
   *
   * @param request one of {@link #KINDS}
   */
  void serve(long session, Request request, Responder responder, long nowNs) {
    switch (request.getBodyCase()) {
      case SET_LOCK -> set(session, request.getSetLock(), responder, nowNs);
      case CANCEL_LOCK -> {
        CancelLock it = request.getCancelLock();
        answer(table.onCancel(session, it.getOperation(), it.getAnsweredBelow(), nowNs), responder);
      }
      case TEST_LOCK -> test(session, request.getTestLock(), responder);
      case RECLAIM_LOCKS -> reclaim(session, request.getReclaimLocks(), responder, nowNs);
      default -> responder.fail(ErrorCode.BAD_REQUEST, "no lock in " + request.getBodyCase());
    }
  }

  private void set(long session, SetLock asked, Responder responder, long nowNs) {
    LockRequest request = request(session, asked);
    if (request == null) {
      responder.fail(ErrorCode.BAD_REQUEST, describe(asked));
      return;
    }
    counters.add("file_lock_requests");
    answer(table.onRequest(request, nowNs), responder);
  }

  private static String describe(SetLock asked) {
    return String.format(
        "%s of [%d,%d) of inode %d, operation %d",
        asked.getAction(),
        asked.getStart(),
        asked.getEnd(),
        asked.getInode(),
        asked.getOperation());
  }

  /** Null if no client of ours could have sent it. */
  private static LockRequest request(long session, SetLock asked) {
    LockRequest.Kind kind = kind(asked.getAction());
    boolean good =
        kind != null
            && asked.getInode() != 0
            && asked.getOperation() > 0
            && asked.getStart() >= 0
            && asked.getStart() < asked.getEnd();
    return !good
        ? null
        : new LockRequest(
            session,
            asked.getOperation(),
            asked.getAnsweredBelow(),
            asked.getInode(),
            asked.getFlock(),
            asked.getOwner(),
            asked.getStart(),
            asked.getEnd(),
            kind,
            asked.getBlocking(),
            asked.getPid());
  }

  private static LockRequest.Kind kind(LockAction action) {
    return switch (action) {
      case LOCK_READ -> LockRequest.Kind.READ;
      case LOCK_WRITE -> LockRequest.Kind.WRITE;
      case UNLOCK -> LockRequest.Kind.UNLOCK;
      case DROP_LOCKS -> LockRequest.Kind.DROP;
      default -> null;
    };
  }

  private void answer(List<LockEffect> effects, Responder responder) {
    for (LockEffect effect : effects) {
      if (effect instanceof LockEffect.Answer it) {
        responder.reply(
            Reply.newBuilder()
                .setCode(it.code().number())
                .setSetLock(
                    SetLockReply.newBuilder()
                        .setWaiting(it.waiting())
                        .setLockdTerm(term)
                        .setPosition(table.position(it.session(), it.operation())))
                .build());
        count(it);
      }
    }
    push(effects);
  }

  private void count(LockEffect.Answer answer) {
    if (answer.code() == ErrorCode.DEADLOCK) {
      counters.add("file_lock_deadlocks");
    } else if (answer.code() == ErrorCode.INTERRUPTED) {
      counters.add("file_lock_interrupts");
    }
  }

  private void push(List<LockEffect> effects) {
    for (LockEffect effect : effects) {
      if (effect instanceof LockEffect.Tell it) {
        counters.add("file_lock_waits_settled");
        pushers.push(
            it.session(),
            Push.newBuilder()
                .setLockSettled(
                    LockSettled.newBuilder()
                        .setOperation(it.operation())
                        .setCode(it.code().number())
                        .setLockdTerm(term)
                        .setPosition(table.position(it.session(), it.operation())))
                .build());
      } else if (effect instanceof LockEffect.TellLost it) {
        counters.add("file_locks_cleared");
        pushers.push(
            it.session(),
            Push.newBuilder()
                .setLocksLost(
                    LocksLost.newBuilder()
                        .setInode(it.inode())
                        .setFlock(it.flock())
                        .setOwner(it.owner())
                        .setLockdTerm(term)
                        .setPosition(it.position()))
                .build());
      }
    }
  }

  private void test(long session, TestLock asked, Responder responder) {
    SetLock.Builder lock =
        SetLock.newBuilder()
            .setInode(asked.getInode())
            .setOperation(1)
            .setFlock(asked.getFlock())
            .setOwner(asked.getOwner())
            .setStart(asked.getStart())
            .setEnd(asked.getEnd())
            .setAction(asked.getAction());
    LockRequest request = request(session, lock.build());
    if (request == null) {
      responder.fail(ErrorCode.BAD_REQUEST, describe(lock.build()));
    } else if (table.isInGrace(session)) {
      responder.fail(ErrorCode.IN_GRACE, "not all locks are known yet");
    } else {
      FileLockTable.Row row = table.test(request);
      TestLockReply.Builder reply = TestLockReply.newBuilder();
      if (row != null) {
        reply.setInTheWay(message(row));
      }
      responder.reply(Reply.newBuilder().setTestLock(reply).build());
    }
  }

  private void reclaim(long session, ReclaimLocks asked, Responder responder, long nowNs) {
    List<LockRequest> told = new ArrayList<>();
    for (SetLock lock : asked.getLocksList()) {
      LockRequest request = request(session, lock);
      if (request == null) {
        responder.reply(Replies.failure(ErrorCode.BAD_REQUEST, describe(lock)));
        return;
      }
      told.add(request);
    }
    List<LockRequest> refused = table.onReclaim(session, told, asked.getLast(), nowNs);
    ReclaimLocksReply.Builder reply = ReclaimLocksReply.newBuilder().setLockdTerm(term);
    refused.forEach(request -> reply.addRefused(told.indexOf(request)));
    responder.reply(Reply.newBuilder().setReclaimLocks(reply).build());
  }

  // ---- for people

  List<FileLockTable.Row> rows(int max, long nowNs) {
    return table.rows(max, nowNs);
  }

  FileLockRow message(FileLockTable.Row row) {
    return FileLockRow.newBuilder()
        .setInode(row.inode())
        .setFlock(row.flock())
        .setSession(row.session())
        .setOwner(row.owner())
        .setStart(row.start())
        .setEnd(row.end())
        .setWrite(row.write())
        .setPid(row.pid())
        .setWaiting(row.waiting())
        .setAgeMs(Duration.ofNanos(row.ageNs()).toMillis())
        .setHolder(names.of(row.session()))
        .build();
  }
}
