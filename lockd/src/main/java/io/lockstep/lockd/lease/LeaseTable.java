package io.lockstep.lockd.lease;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import io.lockstep.wire.message.LeaseMode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Confined to the agent that owns it. All leases of one lockd as a pure state machine: each input
 * is one transition and returns its effects in order.
 *
 * <p>A table lives for one term. It keeps I1 (one exclusive holder, tokens rise), P1 (no grant
 * between an unclean end and its settling), P4 (an ended id is never granted), P5 (nothing new is
 * granted in grace, nothing at all to an ended session). What it needs from outside, it asks again
 * with growing pauses until it is answered; what it owes to a waiter, it gives by the waiter's
 * deadline at the latest.
 */
public final class LeaseTable {
  /** What the whole table is doing. */
  public enum Phase {
    /** The master has not answered StartLockd yet: no input but {@link #onStarted} is allowed. */
    STARTING,
    /** Sessions tell the leases that they still hold; acquires wait. */
    GRACE,
    /** The master settles what nobody has told of; acquires wait. */
    SWEEPING,
    /** Leases are granted. */
    SERVING;

    boolean mayBecome(Phase next) {
      return switch (this) {
        case STARTING -> next == GRACE;
        case GRACE -> next == SWEEPING;
        case SWEEPING -> next == SERVING;
        case SERVING -> false;
      };
    }
  }

  /** Immutable. What a session asks for; {@code set} 0 = not a file with objects. */
  public record Acquire(
      long session, long inode, long lease, LeaseMode mode, long set, long deadlineNs) {}

  /** Immutable. A lease that a session holds from a former lockd. */
  public record Reclaim(long inode, long lease, LeaseMode mode, Token token, long set) {
    Acquire asAcquire(long session) {
      return new Acquire(session, inode, lease, mode, set, 0);
    }
  }

  /**
   * Immutable. One granted, awaited or settled lease, for people.
   *
   * @param ageNs since it was granted or asked for
   * @param owners how many sessions hold the inode
   * @param waiters how many wait for it
   * @param wanted by those who wait for this lease, or LEASE_MODE_UNKNOWN
   */
  public record Row(
      long inode,
      long session,
      long lease,
      LeaseMode mode,
      String state,
      Token token,
      long ageNs,
      String lastEnd,
      int owners,
      int waiters,
      LeaseMode wanted) {
    Row withWanted(LeaseMode newWanted) {
      return new Row(
          inode, session, lease, mode, state, token, ageNs, lastEnd, owners, waiters, newWanted);
    }
  }

  private record GraceAsker(long request, long inode, long session, long set, long deadlineNs) {}

  private final LeaseBook book;
  private final Map<Long, InodeLeases> inodes = new LinkedHashMap<>();

  /** Those where time alone can change something; the others are not looked at in a tick. */
  private final Set<InodeLeases> restless = new LinkedHashSet<>();

  private final Set<Long> condemned = new LinkedHashSet<>();
  private final ArrayDeque<GraceAsker> graceAskers = new ArrayDeque<>();
  private Phase phase = Phase.STARTING;
  private long graceEndNs;

  /** Sessions that may hold and ask. */
  private final Set<Long> openSessions = new LinkedHashSet<>();

  /** Of those that were open when the term began, who has not told all yet. */
  private final Set<Long> untold = new LinkedHashSet<>();

  /** Sessions that ended in this term, in order; who is forgotten is unknown, not open. */
  private final Set<Long> endedSessions = new LinkedHashSet<>();

  private boolean sweepWanted;
  private Token sweepSeal;
  private Repeat sweepRepeat;

  public LeaseTable(LeaseLimits limits) {
    this(limits, LeaseRules.PRODUCTION);
  }

  /** With other decisions, for tests and reproductions. */
  public LeaseTable(LeaseLimits limits, LeaseRules rules) {
    this.book = new LeaseBook(rules, limits);
  }

  public Phase phase() {
    return phase;
  }

  public boolean isServing() {
    return phase == Phase.SERVING;
  }

  /** Whether all that former terms left is settled: the master's sizes are right. */
  public boolean isSwept() {
    return isServing() && book.unswept().isEmpty();
  }

  /** Leases granted. */
  public int leases() {
    return book.leases();
  }

  /** Requests that wait. */
  public int waiters() {
    return book.waiters();
  }

  /**
   * The master has logged the start entry.
   *
   * @param sessions that its log calls open
   */
  public List<Effect> onStarted(long term, Collection<Long> sessions, long nowNs) {
    book.begin(term);
    openSessions.addAll(sessions);
    untold.addAll(sessions);
    graceEndNs = nowNs + book.limits.graceNs();
    become(Phase.GRACE, "term " + term);
    return finish(nowNs);
  }

  /**
   * Whether this table knows if the session is open. Of another one the owner of the table asks the
   * master, and tells with {@link #onSessionOpened}, before it passes on what the session asks.
   */
  public boolean isKnown(long session) {
    return openSessions.contains(session) || endedSessions.contains(session);
  }

  /** Whether this session may hold and ask, as far as this table knows. */
  public boolean isOpen(long session) {
    return openSessions.contains(session);
  }

  /** The master says that this session is open; ignored if it is known to have ended since. */
  public List<Effect> onSessionOpened(long session, long nowNs) {
    requireStarted();
    if (!endedSessions.contains(session)) {
      openSessions.add(session);
    }
    return finish(nowNs);
  }

  public List<Effect> onAcquire(Acquire asked, long nowNs) {
    requireStarted();
    if (isRefused(asked.session())) {
      refuse(asked, ErrorCode.SESSION_ENDED, "session " + asked.session() + " is not open");
    } else if (condemned.contains(asked.inode())) {
      refuse(asked, ErrorCode.OBJECT_DELETED, "the inode is being collected");
    } else {
      on(asked.inode(), leases -> leases.onAcquire(asked, nowNs));
    }
    return finish(nowNs);
  }

  /**
   * A lease that would ride on another answer: granted at once, or refused with BUSY and as if it
   * had never been asked for.
   */
  public List<Effect> onRide(Acquire asked, long nowNs) {
    requireStarted();
    boolean may = !isRefused(asked.session()) && !condemned.contains(asked.inode());
    if (may && isServing()) {
      on(asked.inode(), leases -> leases.onRide(asked, nowNs));
    } else {
      refuse(asked, ErrorCode.BUSY, "no lease rides along");
    }
    return finish(nowNs);
  }

  /** Ends a lease, granted or awaited; of an unknown one the id is remembered (P4). */
  public List<Effect> onRelease(long session, long inode, long lease, boolean clean, long nowNs) {
    requireStarted();
    if (!isRefused(session)) {
      String reason = (clean ? "released by session " : "released unclean by session ") + session;
      on(inode, leases -> leases.onRelease(session, lease, clean, reason, nowNs));
    }
    return finish(nowNs);
  }

  /** The client does not know this lease. What it did under it is not known: an unclean end. */
  public List<Effect> onRecallNotMine(long session, long inode, long lease, long nowNs) {
    requireStarted();
    if (!isRefused(session) && book.rules.endsIfUnknown()) {
      String reason = "not known to session " + session;
      on(inode, leases -> leases.onRelease(session, lease, false, reason, nowNs));
    }
    return finish(nowNs);
  }

  /**
   * A session tells what it holds from a former lockd (P5). Answered by {@link
   * Effect.AnswerReclaim}; what is refused has ended unclean.
   *
   * @param last the session has told all
   */
  public List<Effect> onReclaim(long session, List<Reclaim> items, boolean last, long nowNs) {
    requireStarted();
    List<Long> refused = new ArrayList<>();
    boolean inTime = phase == Phase.GRACE && untold.contains(session);
    for (Reclaim item : items) {
      if (!isRefused(session)) {
        on(item.inode(), leases -> onReclaim(leases, session, item, inTime, refused, nowNs));
      } else {
        refused.add(item.inode());
      }
    }
    if (last) {
      untold.remove(session);
    }
    book.emit(new Effect.AnswerReclaim(session, List.copyOf(refused)));
    return finish(nowNs);
  }

  private void onReclaim(
      InodeLeases leases,
      long session,
      Reclaim item,
      boolean inTime,
      List<Long> refused,
      long nowNs) {
    if (leases.isHeldBy(session, item.lease())) {
      return;
    }
    if (book.rules.isEnded(item.lease(), book.lastEnded(session, item.inode()))) {
      // Its release has overtaken the reclaim, or this is a repeat of a reclaim that was refused.
      refused.add(item.inode());
      return;
    }
    boolean former = item.token().term() < book.term();
    if (inTime && former && leases.onReclaim(session, item, nowNs)) {
      return;
    }
    refused.add(item.inode());
    book.remember(session, item.inode(), item.lease(), nowNs);
    if (book.rules.mustSettle(item.mode(), false, item.set())) {
      leases.onReclaimRefused(item.set(), "lost by session " + session, nowNs);
    }
  }

  /**
   * The master's log has ended the session (P5). Leases that it still held end unclean, however it
   * ended: a lease ends clean only by its own release.
   *
   * @param clean closed by the client
   */
  public List<Effect> onSessionEnded(long session, boolean clean, long nowNs) {
    requireStarted();
    openSessions.remove(session);
    untold.remove(session);
    endedSessions.add(session);
    if (endedSessions.size() > book.limits.endedMax()) {
      endedSessions.remove(endedSessions.iterator().next());
    }
    String reason = "session " + session + (clean ? " was closed" : " was ended");
    for (long inode : book.inodesOf(session)) {
      on(inode, leases -> leases.onSessionEnded(session, reason, nowNs));
    }
    book.forgetEndsOf(session);
    if (!clean) {
      // Leases that it released clean may have left marks that only it would have cleared.
      sweepWanted = true;
    }
    return finish(nowNs);
  }

  /**
   * Somebody ends leases by force: unclean, and their holders are told until they say that they
   * know.
   *
   * @param session 0 = of anybody
   * @param ageNs granted at least so long ago
   * @param cleared gets the rows of what is ended, as they were
   */
  public List<Effect> onClear(long session, long ageNs, List<Row> cleared, long nowNs) {
    requireStarted();
    List<Long> where = session == 0 ? List.copyOf(inodes.keySet()) : book.inodesOf(session);
    for (long inode : where) {
      on(inode, leases -> leases.onClear(session, ageNs, cleared, nowNs));
    }
    return finish(nowNs);
  }

  /** The master's answer to {@link Effect.AskSettle}. */
  public List<Effect> onSettled(long inode, Token token, boolean done, long nowNs) {
    requireStarted();
    on(inode, leases -> leases.onSettled(token, done, nowNs));
    return finish(nowNs);
  }

  /**
   * The master's answer to {@link Effect.AskSettleOrphans}. A set that is away holds up no other:
   * its files are settled one by one before anybody gets them, until a later sweep has looked.
   *
   * @param unswept sets that were away
   */
  public List<Effect> onOrphansSettled(Token seal, boolean done, Set<Long> unswept, long nowNs) {
    requireStarted();
    if (seal.equals(sweepSeal)) {
      sweepSeal = null;
      if (!done) {
        sweepWanted = true;
      } else {
        onSwept(unswept, nowNs);
      }
    }
    return finish(nowNs);
  }

  private void onSwept(Set<Long> unswept, long nowNs) {
    if (phase == Phase.SWEEPING) {
      book.setUnswept(unswept);
      serve(nowNs);
    } else {
      // One that went away later has left nothing that this term does not know of.
      Set<Long> still = new LinkedHashSet<>(book.unswept());
      still.retainAll(unswept);
      book.setUnswept(still);
    }
    if (book.unswept().isEmpty()) {
      sweepRepeat = null;
    } else {
      sweepWanted = true;
    }
  }

  /**
   * The master wants to collect the inode: takes it like a writer, and for ever (P15). Answered by
   * {@link Effect.AnswerCondemn}.
   */
  public List<Effect> onCondemn(long request, long inode, long set, long deadlineNs, long nowNs) {
    requireStarted();
    if (condemned.contains(inode)) {
      book.emit(new Effect.AnswerCondemn(request, ErrorCode.OK, book.nextToken()));
    } else {
      Acquire asked =
          new Acquire(Waiter.MASTER, inode, request, LeaseMode.EXCLUSIVE, set, deadlineNs);
      on(inode, leases -> leases.onCondemn(asked, nowNs));
    }
    return finish(nowNs);
  }

  /**
   * Somebody asks for attributes of this file: answered by {@link Effect.AnswerAttributes} once the
   * master has what an exclusive holder other than the asker knows.
   */
  public List<Effect> onSettleAttributes(
      long request, long inode, long session, long set, long deadlineNs, long nowNs) {
    requireStarted();
    settleAttributes(new GraceAsker(request, inode, session, set, deadlineNs), nowNs);
    return finish(nowNs);
  }

  private void settleAttributes(GraceAsker asker, long nowNs) {
    InodeLeases known = inodes.get(asker.inode);
    boolean told = isServing() || (known != null && !known.holders().isEmpty());
    if (told) {
      on(
          asker.inode,
          leases ->
              leases.onSettleAttributes(
                  asker.request, asker.session, asker.set, asker.deadlineNs, nowNs));
    } else if (graceAskers.size() >= book.limits.waitersMax()) {
      book.emit(new Effect.AnswerAttributes(asker.request, ErrorCode.BUSY));
    } else {
      // Its exclusive holder may be about to reclaim.
      graceAskers.add(asker);
    }
  }

  public List<Effect> onAnswerQuery(long session, long inode, long lease, long query, long nowNs) {
    requireStarted();
    on(inode, leases -> leases.onAnswerQuery(session, lease, query, nowNs));
    return finish(nowNs);
  }

  /** To be called every few tens of milliseconds. */
  public List<Effect> onTick(long nowNs) {
    requireStarted();
    for (InodeLeases leases : List.copyOf(restless)) {
      on(leases.inode(), each -> each.onTick(nowNs));
    }
    for (GraceAsker asker : graceAskers) {
      if (nowNs - asker.deadlineNs >= 0) {
        book.emit(new Effect.AnswerAttributes(asker.request, ErrorCode.IN_GRACE));
      }
    }
    graceAskers.removeIf(asker -> nowNs - asker.deadlineNs >= 0);
    book.forgetOldEnds(nowNs);
    return finish(nowNs);
  }

  /** All rows of the inodes that somebody has waited for so long. */
  public List<Row> longWaits(long limitNs, long nowNs) {
    List<Row> rows = new ArrayList<>();
    for (InodeLeases leases : restless) {
      boolean late = false;
      for (Waiter waiter : leases.queue()) {
        late |= nowNs - waiter.sinceNs >= limitNs;
      }
      if (late) {
        rows.addAll(LeaseRows.of(leases, nowNs));
      }
    }
    return rows;
  }

  /** At most {@code max} rows; those with waiters or a settle under way come first. */
  public List<Row> rows(int max, long nowNs) {
    List<Row> rows = new ArrayList<>();
    for (InodeLeases leases : restless) {
      rows.addAll(LeaseRows.of(leases, nowNs));
    }
    for (InodeLeases leases : inodes.values()) {
      if (rows.size() >= max) {
        break;
      }
      if (!restless.contains(leases)) {
        rows.addAll(LeaseRows.of(leases, nowNs));
      }
    }
    rows.sort(Comparator.comparingLong(Row::inode));
    return rows.size() <= max ? rows : rows.subList(0, max);
  }

  /** One step of one inode, and the bookkeeping that depends on how it left it. */
  private void on(long inode, Consumer<InodeLeases> step) {
    InodeLeases leases = inodes.computeIfAbsent(inode, i -> new InodeLeases(i, book));
    step.accept(leases);
    if (leases.isRestless()) {
      restless.add(leases);
      return;
    }
    restless.remove(leases);
    if (!leases.isForgettable()) {
      return;
    }
    if (leases.state() == InodeLeases.State.CONDEMNED) {
      rememberCondemned(inode);
    }
    inodes.remove(inode);
  }

  private void rememberCondemned(long inode) {
    condemned.add(inode);
    if (condemned.size() > book.limits.condemnedMax()) {
      condemned.remove(condemned.iterator().next());
    }
  }

  /** What every transition ends with: the phase may be over, a sweep may be due. */
  private List<Effect> finish(long nowNs) {
    if (phase == Phase.GRACE && (untold.isEmpty() || nowNs - graceEndNs >= 0)) {
      become(Phase.SWEEPING, untold.isEmpty() ? "all sessions have told" : "grace is over");
      untold.clear();
      sweepWanted = true;
    }
    maybeSweep(nowNs);
    return book.takeEffects();
  }

  /** Settles that were just begun come first, so that the sweep finds their inodes done. */
  private void maybeSweep(long nowNs) {
    boolean allowed = phase == Phase.SWEEPING || phase == Phase.SERVING;
    if (!allowed || !sweepWanted || sweepSeal != null) {
      return;
    }
    for (InodeLeases leases : restless) {
      if (leases.isSettlingFirst()) {
        return;
      }
    }
    if (sweepRepeat == null) {
      sweepRepeat = new Repeat(book.limits.settlePauseNs(), book.limits.settlePauseMaxNs(), nowNs);
    } else if (!sweepRepeat.isDue(nowNs)) {
      return;
    }
    sweepWanted = false;
    List<Effect.Covered> covered = covered();
    sweepSeal = book.nextToken();
    book.emit(new Effect.AskSettleOrphans(covered, sweepSeal));
  }

  private List<Effect.Covered> covered() {
    List<Effect.Covered> covered = new ArrayList<>();
    for (InodeLeases leases : inodes.values()) {
      if (leases.state() == InodeLeases.State.EXCLUSIVE) {
        Token token = leases.holders().iterator().next().token;
        covered.add(new Effect.Covered(leases.inode(), token));
      } else if (leases.state() == InodeLeases.State.SETTLING) {
        covered.add(new Effect.Covered(leases.inode(), leases.settleToken()));
      }
    }
    return List.copyOf(covered);
  }

  private void serve(long nowNs) {
    become(Phase.SERVING, "orphans are settled");
    List<GraceAsker> askers = List.copyOf(graceAskers);
    graceAskers.clear();
    askers.forEach(asker -> settleAttributes(asker, nowNs));
    for (InodeLeases leases : List.copyOf(restless)) {
      on(leases.inode(), each -> each.pump(nowNs));
    }
  }

  private void become(Phase next, String reason) {
    Check.that(phase.mayBecome(next), "%s -> %s: %s", phase, next, reason);
    phase = next;
    book.setGranting(book.rules.mayGrant(next));
  }

  private boolean isRefused(long session) {
    return book.rules.refusesEndedSessions() && !openSessions.contains(session);
  }

  private void requireStarted() {
    Check.that(phase != Phase.STARTING, "input before the start entry is logged");
  }

  private void refuse(Acquire asked, ErrorCode code, String reason) {
    book.emit(new Effect.Refuse(asked.session(), asked.inode(), asked.lease(), code, reason));
  }
}
