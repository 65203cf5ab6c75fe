package io.lockstep.lockd.lease;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import io.lockstep.wire.message.LeaseMode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Confined to the agent of its table. The leases of one inode: who holds, who waits, what is being
 * settled (I1, P1, P4).
 *
 * <p>A lease that was cleared by force is over, but its holder may go on reading what it keeps, and
 * its kernel too, until it has heard of it: nothing is granted before it has said so, or its
 * session has ended ({@link UntoldClears}).
 *
 * <p>The queue is first come, first served, but a reader that is granted takes along every reader
 * that waits at that moment; whoever comes later is behind. So a writer is overtaken at most once
 * by each reader, and nobody starves.
 */
final class InodeLeases {
  enum State {
    /** Nobody holds it. */
    FREE,
    /** One or more sessions hold it shared. */
    SHARED,
    /** One session holds it exclusively. */
    EXCLUSIVE,
    /** An exclusive lease ended unclean: nothing is granted until the members are equal (P1). */
    SETTLING,
    /** The master took it for ever (P15). */
    CONDEMNED;

    boolean mayBecome(State next) {
      return switch (this) {
        case FREE, SHARED -> true;
        case EXCLUSIVE -> next == FREE || next == SETTLING;
        case SETTLING -> next == FREE || next == SHARED;
        case CONDEMNED -> false;
      };
    }
  }

  /** A settle that was asked for, again with a newer token each time that it fails. */
  private static final class Settle {
    final long set;
    final Repeat repeat;
    Token token;
    boolean asked = true;
    boolean failed;

    Settle(long set, Token token, LeaseLimits limits, long nowNs) {
      this.set = set;
      this.token = token;
      this.repeat = new Repeat(limits.settlePauseNs(), limits.settlePauseMaxNs(), nowNs);
    }
  }

  private final long inode;
  private final LeaseBook book;
  private final Map<Long, Lease> holders = new LinkedHashMap<>();
  private final ArrayDeque<Waiter> queue = new ArrayDeque<>();
  private final AttributeQueries queries;
  private final UntoldClears untold;
  private State state = State.FREE;
  private Settle settle;
  private boolean recalling;

  /** A lease that this table never knew may have left members unequal: the next end is unclean. */
  private boolean tainted;

  /** It was settled in this term: what a former one left is gone. */
  private boolean settledOnce;

  private String lastEnd = "";

  InodeLeases(long inode, LeaseBook book) {
    this.inode = inode;
    this.book = book;
    this.queries = new AttributeQueries(inode, book);
    this.untold = new UntoldClears(inode, book);
  }

  long inode() {
    return inode;
  }

  State state() {
    return state;
  }

  Collection<Lease> holders() {
    return holders.values();
  }

  Collection<Waiter> queue() {
    return queue;
  }

  String lastEnd() {
    return lastEnd;
  }

  /** Only while SETTLING. */
  Token settleToken() {
    return settle.token;
  }

  /** Whether its first settle is still under way: a sweep waits for it. */
  boolean isSettlingFirst() {
    return settle != null && !settle.failed;
  }

  /** Whether time alone can change something here. */
  boolean isRestless() {
    return !queue.isEmpty() || settle != null || !queries.isEmpty() || !untold.isEmpty();
  }

  /** Whether nothing would be lost by forgetting it. */
  boolean isForgettable() {
    boolean settled = state == State.FREE || state == State.CONDEMNED;
    return settled && holders.isEmpty() && !isRestless();
  }

  boolean isHeldBy(long session, long lease) {
    Lease held = holders.get(session);
    return held != null && held.id == lease;
  }

  void onAcquire(LeaseTable.Acquire asked, long nowNs) {
    Lease held = holders.get(asked.session());
    if (held != null && held.id == asked.lease()) {
      grantAgain(held, asked);
      return;
    }
    if (state == State.CONDEMNED) {
      refuse(asked, ErrorCode.OBJECT_DELETED, "the inode is being collected");
      return;
    }
    Waiter waiting = waiterOf(asked.session());
    if (waiting != null && waiting.lease == asked.lease() && waiting.mode == asked.mode()) {
      waiting.extend(asked.deadlineNs());
      return;
    }
    if (isOvertaken(asked, held, waiting)) {
      refuse(asked, ErrorCode.STALE_LEASE, "a newer id than " + asked.lease() + " was seen");
      return;
    }
    if (waiting != null) {
      dequeue(waiting, ErrorCode.STALE_LEASE, "lease " + asked.lease() + " took its place");
      book.remember(waiting.session, inode, waiting.lease, nowNs);
    }
    enqueue(new Waiter(asked, nowNs), nowNs);
  }

  /** The request of the holder was repeated: the same answer, and the recall that may be lost. */
  private void grantAgain(Lease held, LeaseTable.Acquire asked) {
    if (held.mode != asked.mode()) {
      refuse(asked, ErrorCode.BAD_REQUEST, "lease " + held.id + " is " + held.mode);
      return;
    }
    emitGrant(held);
    if (held.wanted() != null) {
      book.emit(new Effect.Recall(held.session, inode, held.id, held.wanted()));
    }
  }

  private boolean isOvertaken(LeaseTable.Acquire asked, Lease held, Waiter waiting) {
    long lease = asked.lease();
    return book.rules.isEnded(lease, book.lastEnded(asked.session(), inode))
        || (held != null && lease < held.id)
        || (waiting != null && lease <= waiting.lease);
  }

  /** Granted if nobody has to let go for it, and the session wants nothing else here. */
  void onRide(LeaseTable.Acquire asked, long nowNs) {
    Lease held = holders.get(asked.session());
    if (held != null && held.id == asked.lease()) {
      grantAgain(held, asked);
      return;
    }
    Waiter waiter = new Waiter(asked, nowNs);
    boolean free = state == State.FREE || state == State.SHARED;
    boolean alone = held == null && queue.isEmpty() && !mustWait(waiter) && !isUnswept(asked.set());
    if (free && alone && book.mayQueue() && !isOvertaken(asked, null, null)) {
      enqueue(waiter, nowNs);
    } else {
      refuse(asked, ErrorCode.BUSY, "no lease rides along");
    }
  }

  /** The master wants it for ever: waits like any other writer. */
  void onCondemn(LeaseTable.Acquire asked, long nowNs) {
    enqueue(new Waiter(asked, nowNs), nowNs);
  }

  private void enqueue(Waiter waiter, long nowNs) {
    if (queue.size() >= book.limits.waitersPerInodeMax() || !book.mayQueue()) {
      emitRefusal(waiter, ErrorCode.BUSY, queue.size() + " wait for this inode already");
      return;
    }
    if (book.rules.overtakes() && holders.containsKey(waiter.session)) {
      queue.addFirst(waiter);
    } else {
      queue.add(waiter);
    }
    book.countWaiters(1);
    if (!waiter.isMaster()) {
      book.link(waiter.session, inode);
    }
    pump(nowNs);
  }

  void onRelease(long session, long lease, boolean clean, String reason, long nowNs) {
    book.remember(session, inode, lease, nowNs);
    untold.onKnown(session, lease);
    Waiter waiting = waiterOf(session);
    if (waiting != null && waiting.lease <= lease) {
      dequeue(waiting, ErrorCode.STALE_LEASE, "released before it was granted");
    }
    if (isHeldBy(session, lease) && book.rules.endsByRelease(session, inode, lease)) {
      end(holders.get(session), clean, reason, nowNs);
    }
    maybeUnlink(session);
    pump(nowNs);
  }

  /** Ends by force what this session (0 = anybody) was granted at least so long ago. */
  void onClear(long session, long ageNs, List<LeaseTable.Row> cleared, long nowNs) {
    for (Lease held : List.copyOf(holders.values())) {
      boolean meant = session == 0 || held.session == session;
      if (meant && nowNs - held.grantedNs >= ageNs) {
        cleared.add(LeaseRows.held(this, held, nowNs));
        end(held, false, "cleared by force, of session " + held.session, nowNs);
        untold.add(held.session, held.id, nowNs);
      }
    }
    pump(nowNs);
  }

  void onSessionEnded(long session, String reason, long nowNs) {
    untold.forget(session);
    Waiter waiting = waiterOf(session);
    if (waiting != null) {
      dequeue(waiting, ErrorCode.SESSION_ENDED, reason);
    }
    Lease held = holders.get(session);
    if (held != null) {
      end(held, false, reason, nowNs);
    }
    maybeUnlink(session);
    pump(nowNs);
  }

  /** Whether the lease that a former lockd granted is held again (P5). */
  boolean onReclaim(long session, LeaseTable.Reclaim item, long nowNs) {
    if (isHeldBy(session, item.lease())) {
      return true;
    }
    Waiter lease = new Waiter(item.asAcquire(session), nowNs);
    boolean free = state == State.FREE || state == State.SHARED;
    if (!free || holders.containsKey(session) || isBlocked(lease)) {
      return false;
    }
    Waiter waiting = waiterOf(session);
    if (waiting != null && waiting.lease <= item.lease()) {
      removeFromQueue(waiting);
    }
    hold(lease, item.token(), nowNs);
    if (waiting != null && waiting.lease == item.lease()) {
      emitGrant(holders.get(session));
    }
    return true;
  }

  /** A lease that may have been in use could not be reclaimed: an unclean end (P1). */
  void onReclaimRefused(long set, String reason, long nowNs) {
    if (state == State.EXCLUSIVE) {
      tainted = true;
    } else if (state == State.FREE || state == State.SHARED) {
      startSettle(set, reason, nowNs);
    }
  }

  void onSettled(Token token, boolean done, long nowNs) {
    if (settle == null || !settle.token.equals(token)) {
      return;
    }
    settle.asked = false;
    if (!done) {
      settle.failed = true;
      return;
    }
    settle = null;
    settledOnce = true;
    become(holders.isEmpty() ? State.FREE : State.SHARED, "settled");
    book.emit(new Effect.SizeOwner(inode, Effect.SizeOwner.MASTER));
    queries.answerAll();
    pump(nowNs);
  }

  void onSettleAttributes(long request, long session, long set, long deadlineNs, long nowNs) {
    maybeSettleFirst(set, nowNs);
    Lease owner = sizeOwner();
    boolean wait = state == State.SETTLING || (owner != null && owner.session != session);
    if (!wait) {
      book.emit(new Effect.AnswerAttributes(request, ErrorCode.OK));
      return;
    }
    queries.add(request, deadlineNs);
    if (owner != null) {
      queries.maybeAsk(owner, nowNs);
    }
  }

  void onAnswerQuery(long session, long lease, long query, long nowNs) {
    Lease owner = sizeOwner();
    if (owner != null && owner.session == session && owner.id == lease) {
      queries.onAnswer(owner, query, nowNs);
    }
  }

  void onTick(long nowNs) {
    List<Waiter> expired = new ArrayList<>();
    for (Waiter waiter : queue) {
      if (waiter.isExpired(nowNs)) {
        expired.add(waiter);
      }
    }
    expired.forEach(w -> dequeue(w, ErrorCode.LEASE_TIMEOUT, "others hold or await it"));
    queries.onTick(sizeOwner(), nowNs);
    untold.onTick(nowNs);
    if (settle != null && !settle.asked && settle.repeat.isDue(nowNs)) {
      // A newer token each time: whoever sealed with the last one may have gone half the way.
      settle.token = book.nextToken();
      settle.asked = true;
      book.emit(new Effect.AskSettle(inode, settle.set, settle.token));
    }
    pump(nowNs);
    repeatRecalls(nowNs);
  }

  private void repeatRecalls(long nowNs) {
    if (!recalling) {
      return;
    }
    for (Lease held : holders.values()) {
      if (held.isRecallDue(nowNs)) {
        book.emit(new Effect.Recall(held.session, inode, held.id, held.wanted()));
        if (nowNs - held.recalledNs() >= book.limits.recallLimitNs()) {
          book.emit(
              new Effect.AskEndSession(
                  held.session, held + " on inode " + inode + " was recalled in vain"));
        }
      }
    }
  }

  /** Grants what can be granted, and recalls what stands in the way of the first who waits. */
  void pump(long nowNs) {
    if (!book.isGranting() || state == State.SETTLING) {
      return;
    }
    if (!queue.isEmpty() && maybeSettleFirst(queue.peekFirst().set, nowNs)) {
      return;
    }
    while (!queue.isEmpty() && !mustWait(queue.peekFirst())) {
      Waiter head = queue.peekFirst();
      grant(head, nowNs);
      if (head.mode == LeaseMode.SHARED) {
        grantReaders(nowNs);
      }
    }
    recallFor(queue.peekFirst(), nowNs);
  }

  /**
   * While its set was away, nobody could look whether a holder of a former term left something: the
   * members may differ, and the master may not know the size.
   */
  private boolean maybeSettleFirst(long set, long nowNs) {
    boolean first = isUnswept(set);
    if (first) {
      startSettle(set, "its set was away when this term began", nowNs);
    }
    return first;
  }

  private boolean isUnswept(long set) {
    boolean free = state == State.FREE && !settledOnce;
    return free && book.rules.mustSettleFirst(set, book.unswept());
  }

  private void grantReaders(long nowNs) {
    for (Waiter waiter : List.copyOf(queue)) {
      if (waiter.mode == LeaseMode.SHARED && !isBlocked(waiter)) {
        grant(waiter, nowNs);
      }
    }
  }

  private boolean mustWait(Waiter waiter) {
    return (!untold.isEmpty() && book.rules.waitsForCleared()) || isBlocked(waiter);
  }

  private boolean isBlocked(Waiter waiter) {
    if (waiter.mode == LeaseMode.SHARED && state == State.SHARED) {
      Lease own = holders.get(waiter.session);
      return own != null && book.rules.conflicts(own, waiter);
    }
    for (Lease held : holders.values()) {
      if (book.rules.conflicts(held, waiter)) {
        return true;
      }
    }
    return false;
  }

  private void grant(Waiter waiter, long nowNs) {
    removeFromQueue(waiter);
    if (waiter.isMaster()) {
      condemn(waiter);
      return;
    }
    Lease old = holders.remove(waiter.session);
    if (old != null) {
      book.remember(old.session, inode, old.id, nowNs);
      book.countLeases(-1);
      lastEnd = "upgraded by session " + old.session;
      if (old.mode == LeaseMode.EXCLUSIVE) {
        become(State.FREE, lastEnd);
      }
    }
    boolean exclusive = waiter.mode == LeaseMode.EXCLUSIVE;
    hold(waiter, exclusive ? book.nextToken() : Token.NONE, nowNs);
    emitGrant(holders.get(waiter.session));
  }

  private void hold(Waiter waiter, Token token, long nowNs) {
    Lease lease = new Lease(waiter, token, nowNs);
    holders.put(waiter.session, lease);
    book.countLeases(1);
    book.link(waiter.session, inode);
    book.rules.onGranted(waiter.session, inode, waiter.lease, waiter.mode);
    boolean exclusive = waiter.mode == LeaseMode.EXCLUSIVE;
    become(exclusive ? State.EXCLUSIVE : State.SHARED, "granted " + lease);
    if (exclusive && waiter.set != 0) {
      book.emit(new Effect.SizeOwner(inode, waiter.session));
    }
  }

  private void condemn(Waiter master) {
    become(State.CONDEMNED, "condemned");
    book.emit(new Effect.AnswerCondemn(master.lease, ErrorCode.OK, book.nextToken()));
    for (Waiter waiter : List.copyOf(queue)) {
      dequeue(waiter, ErrorCode.OBJECT_DELETED, "the inode is being collected");
    }
  }

  private void recallFor(Waiter head, long nowNs) {
    if (head == null && !recalling) {
      return;
    }
    recalling = head != null;
    for (Lease held : holders.values()) {
      if (head == null || !book.rules.conflicts(held, head)) {
        held.forgetRecall();
      } else if (held.wanted() != head.mode) {
        held.recall(head.mode, book.limits, nowNs);
        book.emit(new Effect.Recall(held.session, inode, held.id, head.mode));
      }
    }
  }

  /** The one place where a granted lease ends, but for the upgrade. */
  private void end(Lease lease, boolean clean, String reason, long nowNs) {
    holders.remove(lease.session);
    book.remember(lease.session, inode, lease.id, nowNs);
    book.countLeases(-1);
    maybeUnlink(lease.session);
    if (lease.mode == LeaseMode.SHARED) {
      lastEnd = reason;
      if (holders.isEmpty() && state == State.SHARED) {
        become(State.FREE, reason);
      }
      return;
    }
    boolean trusted = clean && !tainted;
    tainted = false;
    if (book.rules.mustSettle(lease.mode, trusted, lease.set)) {
      startSettle(lease.set, reason, nowNs);
      return;
    }
    lastEnd = reason;
    become(State.FREE, reason);
    if (lease.set != 0) {
      book.emit(new Effect.SizeOwner(inode, Effect.SizeOwner.MASTER));
    }
    queries.answerAll();
  }

  private void startSettle(long set, String reason, long nowNs) {
    lastEnd = reason;
    become(State.SETTLING, reason);
    queries.forgetHolder();
    settle = new Settle(set, book.nextToken(), book.limits, nowNs);
    book.emit(new Effect.SizeOwner(inode, Effect.SizeOwner.UNSETTLED));
    book.emit(new Effect.AskSettle(inode, set, settle.token));
  }

  private void become(State next, String reason) {
    Check.that(state.mayBecome(next), "inode %d: %s -> %s: %s", inode, state, next, reason);
    state = next;
  }

  /** Who alone knows size and times of this file, or null. */
  private Lease sizeOwner() {
    if (state != State.EXCLUSIVE) {
      return null;
    }
    Lease holder = holders.values().iterator().next();
    return holder.set == 0 ? null : holder;
  }

  private Waiter waiterOf(long session) {
    for (Waiter waiter : queue) {
      if (waiter.session == session && !waiter.isMaster()) {
        return waiter;
      }
    }
    return null;
  }

  private void dequeue(Waiter waiter, ErrorCode code, String reason) {
    removeFromQueue(waiter);
    emitRefusal(waiter, code, reason);
  }

  private void removeFromQueue(Waiter waiter) {
    Iterator<Waiter> each = queue.iterator();
    while (each.hasNext()) {
      if (each.next() == waiter) {
        each.remove();
        book.countWaiters(-1);
        maybeUnlink(waiter.session);
        return;
      }
    }
    throw Check.unreachable("lease %d of session %d does not wait", waiter.lease, waiter.session);
  }

  private void maybeUnlink(long session) {
    if (!holders.containsKey(session) && waiterOf(session) == null && !untold.contains(session)) {
      book.unlink(session, inode);
    }
  }

  private void emitGrant(Lease lease) {
    book.emit(new Effect.Grant(lease.session, inode, lease.id, lease.mode, lease.token, lease.set));
  }

  private void emitRefusal(Waiter waiter, ErrorCode code, String reason) {
    book.emit(
        waiter.isMaster()
            ? new Effect.AnswerCondemn(waiter.lease, code, Token.NONE)
            : new Effect.Refuse(waiter.session, inode, waiter.lease, code, reason));
  }

  private void refuse(LeaseTable.Acquire asked, ErrorCode code, String reason) {
    book.emit(new Effect.Refuse(asked.session(), inode, asked.lease(), code, reason));
  }
}
