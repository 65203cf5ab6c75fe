package io.lockstep.lockd.posix;

import io.lockstep.core.ErrorCode;
import io.lockstep.lockd.posix.InodeLocks.Wait;
import io.lockstep.lockd.posix.LockEffect.Answer;
import io.lockstep.lockd.posix.LockEffect.Tell;
import io.lockstep.lockd.posix.LockRequest.Holder;
import io.lockstep.lockd.posix.LockRequest.Kind;
import io.lockstep.lockd.posix.LockRequest.Place;
import io.lockstep.lockd.posix.LockedRanges.Piece;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Confined to the agent that owns it. All file locks of one lockd as a pure state machine: each
 * input is one transition and returns its effects in order.
 *
 * <p>A table lives for one term. What it keeps: no two owners have conflicting locks on a byte; an
 * operation is executed once, however often its message comes and in whatever order; nothing is
 * granted after the answer said otherwise, so an interrupted wait leaves no lock behind; a wait
 * that would close a circle of owners is refused; nothing new is granted before those who held
 * locks of a former lockd have told them, or their time is over (P5).
 */
public final class FileLockTable {
  /** Immutable. A lock or a wait, for people and for F_GETLK. */
  public record Row(
      long inode,
      boolean flock,
      long session,
      long owner,
      long start,
      long end,
      boolean write,
      int pid,
      boolean waiting,
      long ageNs) {}

  private final FileLockRules rules;
  private final FileLockLimits limits;
  private final Map<Place, InodeLocks> places = new LinkedHashMap<>();
  private final Map<Holder, Set<Wait>> waits = new LinkedHashMap<>();
  private final Operations operations;

  /** Sessions of before this term that have not told all their locks yet. */
  private final Set<Long> untold = new HashSet<>();

  private List<LockEffect> effects = new ArrayList<>();
  private boolean granting;
  private long graceEndNs;
  private int locks;
  private int waiters;

  public FileLockTable(FileLockLimits limits) {
    this(limits, FileLockRules.PRODUCTION);
  }

  FileLockTable(FileLockLimits limits, FileLockRules rules) {
    this.limits = limits;
    this.rules = rules;
    this.operations = new Operations(rules);
  }

  /**
   * The term begins.
   *
   * @param sessions that may hold locks of a former lockd
   */
  public List<LockEffect> onStarted(Collection<Long> sessions, long nowNs) {
    untold.addAll(sessions);
    graceEndNs = nowNs + limits.graceNs();
    return finish(nowNs);
  }

  // ---- what sessions ask

  /** Lock, unlock or drop; also the repeat of one. */
  public List<LockEffect> onRequest(LockRequest request, long nowNs) {
    ErrorCode before = answered(request);
    if (before != null) {
      answer(request, before);
    } else if (isInGrace(request)) {
      answer(request, ErrorCode.IN_GRACE);
    } else {
      switch (request.kind()) {
        case READ, WRITE -> lock(request, nowNs);
        case UNLOCK -> {
          settle(request, ErrorCode.OK);
          unlock(request.place(), request.holder(), request.start(), request.end());
        }
        case DROP -> {
          settle(request, ErrorCode.OK);
          drop(request);
        }
      }
    }
    return finish(nowNs);
  }

  private ErrorCode answered(LockRequest request) {
    return operations.answered(request.session(), request.operation(), request.answeredBelow());
  }

  /** Before its session has told all it held, an unlock could be undone by the telling. */
  private boolean isInGrace(LockRequest request) {
    return rules.waitsForGrace()
        && (untold.contains(request.session()) || (!granting && request.isLock()));
  }

  private void lock(LockRequest request, long nowNs) {
    Wait waiting = waitOf(request.holder(), request.operation());
    if (waiting != null) {
      waiting.deadlineNs = nowNs + limits.waitLifeNs();
      effects.add(new Answer(request.session(), request.operation(), ErrorCode.OK, true));
      return;
    }
    InodeLocks there = there(request.place());
    if (request.flock() && !there.has(request)) {
      // As Linux does: the old lock goes first, so two who both want more do not wait for ever.
      unlock(request.place(), request.holder(), 0, Long.MAX_VALUE);
      there = there(request.place());
    }
    if (there.conflict(request) == null) {
      if (locks >= limits.locksMax()) {
        settle(request, ErrorCode.NO_LOCKS);
      } else {
        settle(request, ErrorCode.OK);
        take(there, request);
      }
    } else if (!request.blocking()) {
      settle(request, ErrorCode.WOULD_BLOCK);
    } else if (waiters >= limits.waitersMax()) {
      settle(request, ErrorCode.NO_LOCKS);
    } else if (!request.flock() && rules.refusesCircles() && closesCircle(there, request)) {
      settle(request, ErrorCode.DEADLOCK);
    } else {
      await(there, new Wait(request, nowNs, nowNs + limits.waitLifeNs()));
      effects.add(new Answer(request.session(), request.operation(), ErrorCode.OK, true));
    }
    forgetIfEmpty(request.place());
  }

  private void await(InodeLocks there, Wait wait) {
    there.enqueue(wait);
    waits.computeIfAbsent(wait.request.holder(), h -> new LinkedHashSet<>()).add(wait);
    waiters++;
  }

  private void take(InodeLocks there, LockRequest request) {
    locks -= there.size();
    there.lock(request);
    locks += there.size();
    // What was locked alone may be shared now.
    regrant(request.place());
  }

  private void unlock(Place place, Holder holder, long start, long end) {
    InodeLocks there = places.get(place);
    if (there != null) {
      locks -= there.size();
      there.unlock(holder, start, end);
      locks += there.size();
      regrant(place);
    }
  }

  private void drop(LockRequest request) {
    for (Wait wait : waitsOf(request.holder())) {
      if (wait.request.place().equals(request.place())) {
        tell(wait, ErrorCode.BAD_HANDLE);
      }
    }
    unlock(request.place(), request.holder(), 0, Long.MAX_VALUE);
  }

  /**
   * The wait of this operation is to end, because somebody interrupted it. Answered OK if it was
   * granted before that, else INTERRUPTED: then it never will be, whatever message comes late.
   */
  public List<LockEffect> onCancel(long session, long operation, long answeredBelow, long nowNs) {
    ErrorCode before = operations.answered(session, operation, answeredBelow);
    if (before != null) {
      effects.add(new Answer(session, operation, before, false));
    } else if (untold.contains(session) && rules.waitsForGrace()) {
      effects.add(new Answer(session, operation, ErrorCode.IN_GRACE, false));
    } else {
      Wait wait = anyWait(session, operation);
      if (wait != null && rules.cancelRemovesWaiter()) {
        leave(wait);
      }
      if (rules.cancelRemovesWaiter()) {
        operations.answer(session, operation, ErrorCode.INTERRUPTED);
      }
      effects.add(new Answer(session, operation, ErrorCode.INTERRUPTED, false));
    }
    return finish(nowNs);
  }

  /**
   * Answers overtake each other, so each says where it belongs in the order of execution: the place
   * of this operation, or while it waits the newest place of all.
   */
  public long position(long session, long operation) {
    return operations.position(session, operation);
  }

  /** F_GETLK: the first lock in the way, or null. */
  public Row test(LockRequest request) {
    InodeLocks there = places.get(request.place());
    InodeLocks.Conflict conflict = there == null ? null : there.conflict(request);
    return conflict == null ? null : row(request.place(), conflict.holder(), conflict.piece());
  }

  /** Whether this session would be told IN_GRACE. */
  public boolean isInGrace(long session) {
    return !granting || untold.contains(session);
  }

  // ---- sessions

  /**
   * A session tells what it holds from a former lockd (P5).
   *
   * @param last it has told all
   * @return what is lost: others have it, or the grace period is over
   */
  public List<LockRequest> onReclaim(
      long session, List<LockRequest> told, boolean last, long nowNs) {
    boolean inTime = untold.contains(session);
    List<LockRequest> refused = new ArrayList<>();
    for (LockRequest item : told) {
      InodeLocks there = there(item.place());
      boolean held = there.has(item);
      if (!held && inTime && there.conflict(item) == null && locks < limits.locksMax()) {
        take(there, item);
      } else if (!held) {
        refused.add(item);
      }
      forgetIfEmpty(item.place());
    }
    if (last) {
      untold.remove(session);
    }
    return refused;
  }

  /** Its locks are free, and it waits for none. */
  public List<LockEffect> onSessionEnded(long session, long nowNs) {
    untold.remove(session);
    for (Holder holder : List.copyOf(waits.keySet())) {
      if (holder.session() == session) {
        waitsOf(holder).forEach(this::leave);
      }
    }
    if (rules.endTakesLocks()) {
      takeAway(session, false);
    }
    operations.forget(session);
    return finish(nowNs);
  }

  /** Takes all locks of a session by force; it is told. */
  public List<LockEffect> onClear(long session, long nowNs) {
    takeAway(session, true);
    return finish(nowNs);
  }

  /** All of them go before anybody is granted, so that those who wait are served in order. */
  private void takeAway(long session, boolean tell) {
    for (Place place : List.copyOf(places.keySet())) {
      InodeLocks there = places.get(place);
      locks -= there.size();
      for (Holder holder : List.copyOf(there.held().keySet())) {
        if (holder.session() == session) {
          there.unlock(holder, 0, Long.MAX_VALUE);
          if (tell) {
            effects.add(
                new LockEffect.TellLost(
                    session,
                    place.inode(),
                    place.flock(),
                    holder.owner(),
                    operations.nextPosition()));
          }
        }
      }
      locks += there.size();
      regrant(place);
    }
  }

  /** To be called every few tens of milliseconds. */
  public List<LockEffect> onTick(long nowNs) {
    for (Set<Wait> ofHolder : List.copyOf(waits.values())) {
      for (Wait wait : List.copyOf(ofHolder)) {
        if (nowNs - wait.deadlineNs >= 0) {
          // Nobody repeats it: who asked is gone, or will come to the end of the queue.
          leave(wait);
        }
      }
    }
    return finish(nowNs);
  }

  private List<LockEffect> finish(long nowNs) {
    if (!granting && (untold.isEmpty() || nowNs - graceEndNs >= 0)) {
      granting = true;
      untold.clear();
    }
    List<LockEffect> taken = effects;
    effects = new ArrayList<>();
    return taken;
  }

  // ---- waiting

  private void regrant(Place place) {
    InodeLocks there = places.get(place);
    for (Wait free = there.firstFree(); free != null; free = there.firstFree()) {
      leaveQueue(free);
      tell(free, ErrorCode.OK);
      locks -= there.size();
      there.lock(free.request);
      locks += there.size();
    }
    forgetIfEmpty(place);
  }

  /** The wait is over, and its session is told. */
  private void tell(Wait wait, ErrorCode code) {
    leaveQueue(wait);
    operations.answer(wait.request.session(), wait.request.operation(), code);
    effects.add(new Tell(wait.request.session(), wait.request.operation(), code));
  }

  private void leave(Wait wait) {
    leaveQueue(wait);
    forgetIfEmpty(wait.request.place());
  }

  private void leaveQueue(Wait wait) {
    Set<Wait> ofHolder = waits.get(wait.request.holder());
    if (ofHolder != null && ofHolder.remove(wait)) {
      waiters--;
      if (ofHolder.isEmpty()) {
        waits.remove(wait.request.holder());
      }
      places.get(wait.request.place()).dequeue(wait);
    }
  }

  private List<Wait> waitsOf(Holder holder) {
    return List.copyOf(waits.getOrDefault(holder, Set.of()));
  }

  private Wait waitOf(Holder holder, long operation) {
    for (Wait wait : waits.getOrDefault(holder, Set.of())) {
      if (wait.request.operation() == operation) {
        return wait;
      }
    }
    return null;
  }

  private Wait anyWait(long session, long operation) {
    for (Holder holder : waits.keySet()) {
      Wait wait = holder.session() == session ? waitOf(holder, operation) : null;
      if (wait != null) {
        return wait;
      }
    }
    return null;
  }

  /**
   * Whether somebody in the way waits, through whomever, for the one who asks. Circles come into
   * being only when somebody begins to wait: who is granted a lock waits for nobody then.
   */
  private boolean closesCircle(InodeLocks there, LockRequest request) {
    Deque<Holder> next = new ArrayDeque<>(there.blockers(request));
    Set<Holder> seen = new HashSet<>(next);
    while (!next.isEmpty()) {
      Holder holder = next.poll();
      if (holder.equals(request.holder())) {
        return true;
      }
      for (Wait wait : waits.getOrDefault(holder, Set.of())) {
        for (Holder blocker : places.get(wait.request.place()).blockers(wait.request)) {
          if (seen.add(blocker)) {
            next.add(blocker);
          }
        }
      }
    }
    return false;
  }

  // ---- places and answers

  private InodeLocks there(Place place) {
    return places.computeIfAbsent(place, p -> new InodeLocks(rules));
  }

  private void forgetIfEmpty(Place place) {
    InodeLocks there = places.get(place);
    if (there != null && there.isEmpty()) {
      places.remove(place);
    }
  }

  /** Answers, and remembers the answer. */
  private void settle(LockRequest request, ErrorCode code) {
    operations.answer(request.session(), request.operation(), code);
    answer(request, code);
  }

  private void answer(LockRequest request, ErrorCode code) {
    effects.add(new Answer(request.session(), request.operation(), code, false));
  }

  // ---- for people

  public int locks() {
    return locks;
  }

  public int waiters() {
    return waiters;
  }

  public List<Row> rows(int max, long nowNs) {
    List<Row> rows = new ArrayList<>();
    places.forEach(
        (place, there) -> {
          there
              .held()
              .forEach(
                  (holder, ranges) ->
                      ranges.pieces().forEach(piece -> rows.add(row(place, holder, piece))));
          there.queue().forEach(wait -> rows.add(row(wait, nowNs)));
        });
    return rows.size() <= max ? rows : rows.subList(0, max);
  }

  private static Row row(Place place, Holder holder, Piece piece) {
    return new Row(
        place.inode(),
        place.flock(),
        holder.session(),
        holder.owner(),
        piece.start(),
        piece.end(),
        piece.write(),
        piece.pid(),
        false,
        0);
  }

  private static Row row(Wait wait, long nowNs) {
    LockRequest request = wait.request;
    return new Row(
        request.inode(),
        request.flock(),
        request.session(),
        request.owner(),
        request.start(),
        request.end(),
        request.kind() == Kind.WRITE,
        request.pid(),
        true,
        nowNs - wait.sinceNs);
  }
}
