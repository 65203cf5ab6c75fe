package io.lockstep.replication.eagerlock;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Confined to the replication agent. The eager lock of one inode at one client: one lease at lockd
 * shared by all operations of this mount on that inode (DESIGN I2).
 *
 * <p>Operations join the held lease, wait here for those whose range they overlap, or, once the
 * lease is to go, wait frozen for the next one. Waiting is first come first served in both queues.
 *
 * <pre>
 *   IDLE --arrive--> ACQUIRING --granted--> ACTIVE &lt;--arrive/last done--> PARKED
 *    ^                                         | recall, failure, loss       | recall, idle timer
 *    +--released-- RELEASING &lt;--last done-- DRAINING &lt;----------------------+
 * </pre>
 *
 * <p>The rule that GlusterFS broke, by name: whoever takes the lease out of PARKED either becomes
 * an owner or sets {@link #release}, in the same transition that cancels the timer. {@link
 * #checkInvariant} holds after every event.
 *
 * <p>Lock, dirty mark and fsync have separate lives: a flush, fsync or close only asks for a
 * post-op; it ends the cycle, not the lease, and an operation that arrives meanwhile joins under
 * the next cycle. The post-op starts when the last transaction of its cycle is done, which is known
 * by counting.
 *
 * <p>Lease ids rise (P4); timers and answers carry ids and do nothing when stale.
 */
public final class EagerLock {
  /** Operations that may still start in one drain: fairness to the remote waiter. */
  static final int DRAIN_STARTS_MAX = 64;

  private record Tx(long id, Kind kind, Range range) {}

  /** What an owner needs to be known by when it is done. */
  private record Owner(Tx tx, long cycle) {}

  private final Wake wake;

  private State state = State.IDLE;

  /** The newest lease id asked for. */
  private long lastLease;

  /** What is held; null = nothing. Kept while the release is on its way. */
  private Mode held;

  private long heldLease;
  private Token token = Token.NONE;
  private long epoch;

  /** While ACQUIRING. */
  private Mode wanted;

  /** A recall overtook the grant of {@link #lastLease}. */
  private boolean recalledEarly;

  /** In an upgrade: the shared lease must go as soon as its readers are done. */
  private boolean sharedRecalled;

  /** The lease goes when the owners are done; nobody joins. */
  private boolean release;

  private boolean clean = true;
  private boolean lost;

  /** Of an upgrade whose answer never came: released together with the shared lease. */
  private long doubtfulLease;

  private int drainStarts;
  private boolean drainOver;

  /** The armed timer; 0 = none. */
  private long timer;

  private long lastTimer;

  private final Map<Long, Owner> owners = new LinkedHashMap<>();
  private ArrayDeque<Tx> waiting = new ArrayDeque<>();
  private ArrayDeque<Tx> frozen = new ArrayDeque<>();

  private final Cycles cycles;

  private List<Effect> effects = new ArrayList<>();

  /**
   * @param leaseBase lease ids will be greater than this
   */
  public EagerLock(long leaseBase) {
    this(leaseBase, Wake.LOCKSTEP);
  }

  EagerLock(long leaseBase, Wake wake) {
    this.lastLease = leaseBase;
    this.wake = wake;
    this.cycles = new Cycles();
  }

  private EagerLock(EagerLock from) {
    wake = from.wake;
    state = from.state;
    lastLease = from.lastLease;
    held = from.held;
    heldLease = from.heldLease;
    token = from.token;
    epoch = from.epoch;
    wanted = from.wanted;
    recalledEarly = from.recalledEarly;
    sharedRecalled = from.sharedRecalled;
    release = from.release;
    clean = from.clean;
    lost = from.lost;
    doubtfulLease = from.doubtfulLease;
    drainStarts = from.drainStarts;
    drainOver = from.drainOver;
    timer = from.timer;
    lastTimer = from.lastTimer;
    owners.putAll(from.owners);
    waiting = from.waiting.clone();
    frozen = from.frozen.clone();
    cycles = new Cycles(from.cycles);
  }

  /** An independent machine in the same state, for explorers. */
  public EagerLock copy() {
    return new EagerLock(this);
  }

  // ---- operations

  /** An operation wants to run. Answered, now or later, by Start or Fail. */
  public List<Effect> onArrive(long tx, Kind kind, Range range) {
    Tx arrived = new Tx(tx, kind, range);
    switch (state) {
      case IDLE -> {
        waiting.add(arrived);
        acquire();
      }
      case ACQUIRING -> waiting.add(arrived);
      case ACTIVE, PARKED -> {
        if (held.covers(kind.mode()) && !conflicts(arrived, waiting)) {
          disarm();
          start(arrived);
          becomeActive("join");
        } else {
          waiting.add(arrived);
          disarm();
          serve();
        }
      }
      case DRAINING, RELEASING -> frozen.add(arrived);
    }
    return take();
  }

  /**
   * A flush of the hold {@code parent}, which is an owner: joins at once, also while the lease is
   * draining, for the drain waits for it.
   */
  public List<Effect> onArriveUnder(long parent, long tx) {
    Owner hold = owners.get(parent);
    Check.that(hold != null && hold.tx.kind == Kind.HOLD, "%d is no hold that owns", parent);
    start(new Tx(tx, Kind.WRITE, Range.NONE));
    return take();
  }

  /** An operation that was started has ended. A failure is its own: those who joined go on. */
  public List<Effect> onDone(long tx, Result result) {
    Owner owner = owners.remove(tx);
    Check.that(owner != null, "operation %d is done but was not started", tx);
    boolean tainted = result != Result.OK && owner.tx.kind != Kind.READ;
    clean = clean && !tainted;
    if (owner.cycle != 0) {
      postOp(cycles.done(owner.cycle, clean));
    }
    if (result == Result.LEASE_LOST) {
      lose();
    } else if (tainted && state == State.ACTIVE) {
      drain("failed operation");
    }
    afterOwner();
    return take();
  }

  /** The operation would not wait any longer; nothing if it runs already. */
  public List<Effect> onDeadline(long tx) {
    if (waiting.removeIf(t -> t.id == tx) || frozen.removeIf(t -> t.id == tx)) {
      effects.add(new Effect.Fail(tx, ErrorCode.LEASE_TIMEOUT));
      if (state == State.ACTIVE || state == State.DRAINING) {
        serve();
      }
    }
    return take();
  }

  // ---- answers and pushes of lockd

  public List<Effect> onGranted(long lease, Token newToken, long newEpoch) {
    if (state != State.ACQUIRING || lease != lastLease) {
      return take();
    }
    held = wanted;
    heldLease = lease;
    token = newToken;
    epoch = Math.max(epoch, newEpoch);
    clean = true;
    lost = false;
    sharedRecalled = false;
    if (recalledEarly) {
      recalledEarly = false;
      drain("recalled before the grant");
    } else {
      serve();
    }
    return take();
  }

  /**
   * lockd refused, or it is unknown what it did. Those who need the lease fail; after an unknown
   * outcome the id is released, so that it cannot be held by nobody.
   */
  public List<Effect> onRefused(long lease, ErrorCode code) {
    if (state != State.ACQUIRING || lease != lastLease) {
      return take();
    }
    recalledEarly = false;
    if (code == ErrorCode.STALE_LEASE && !waiting.isEmpty()) {
      // lockd ended this id before it was granted, as after a recall that overtook it.
      acquire();
      return take();
    }
    failWaiting(code);
    if (held == null) {
      if (isDoubtful(code)) {
        heldLease = lease;
        sendRelease();
      } else {
        idle("refused");
      }
      return take();
    }
    boolean mustGo = sharedRecalled || lost || isDoubtful(code);
    if (isDoubtful(code)) {
      doubtfulLease = lease;
    }
    sharedRecalled = false;
    if (mustGo) {
      drain("upgrade refused");
    } else {
      serve();
    }
    return take();
  }

  /** Somebody else wants the inode. Remembered if it overtook the grant. */
  public List<Effect> onRecall(long lease) {
    if (state == State.ACQUIRING && lease == lastLease) {
      recalledEarly = true;
    } else if (held != null && lease == heldLease) {
      if (state == State.ACQUIRING) {
        sharedRecalled = true;
        afterOwner();
      } else if (state == State.ACTIVE || state == State.PARKED) {
        drain("recall");
      }
    }
    return take();
  }

  public List<Effect> onReleased(long lease) {
    if (state == State.RELEASING && lease == heldLease) {
      idle("released");
    }
    return take();
  }

  /** The lease is not ours any more: expired, fenced, or its session has ended. */
  public List<Effect> onLost() {
    if (held != null && state != State.RELEASING) {
      lose();
      afterOwner();
    }
    return take();
  }

  /** A new lockd did not take the lease over. */
  public List<Effect> onReclaimRefused(long lease) {
    return held != null && lease == heldLease ? onLost() : take();
  }

  // ---- time and configuration

  public List<Effect> onTimer(long id) {
    if (id == 0 || id != timer) {
      return take();
    }
    timer = 0;
    if (state == State.PARKED) {
      drain("idle");
    } else {
      Check.that(state == State.DRAINING, "a timer is armed in %s", state);
      drainOver = true;
    }
    return take();
  }

  /** The replica set has a newer configuration: who is started from now on carries it. */
  public List<Effect> onConfigChanged(long newEpoch) {
    epoch = Math.max(epoch, newEpoch);
    return take();
  }

  // ---- post-op

  /**
   * A flush, fsync or close, or the schedule, wants the dirty mark cleared. Ends the cycle; never
   * the lease.
   */
  public List<Effect> onPostOpRequested() {
    endCycle();
    if (state == State.PARKED && wake != Wake.LOCKSTEP) {
      wakeParked();
    }
    return take();
  }

  /** The post-op of that cycle has cleared the mark or has given it up. */
  public List<Effect> onPostOpDone(long doneCycle) {
    if (cycles.postOpDone(doneCycle)) {
      endCycle();
    }
    return take();
  }

  // ---- what others may ask

  public State state() {
    return state;
  }

  /** What is held, or null; also while the release is on its way. */
  public Mode held() {
    return held;
  }

  /** The lease held (or being released); meaningless if {@link #held} is null. */
  public long heldLease() {
    return heldLease;
  }

  public long lastLease() {
    return lastLease;
  }

  public Token token() {
    return token;
  }

  /** Whether a recall of this lease is for us; else it is answered NOT-MINE (P4). */
  public boolean knows(long lease) {
    return (held != null && lease == heldLease)
        || (state == State.ACQUIRING && lease == lastLease)
        || (state == State.RELEASING && (lease == heldLease || lease == doubtfulLease));
  }

  /** Whether somebody waits for the lease that is being acquired. */
  public boolean hasWaiting() {
    return !waiting.isEmpty();
  }

  public boolean isLost() {
    return lost;
  }

  /** Nothing held, nobody waiting, no post-op: it can be forgotten. */
  public boolean isIdle() {
    return state == State.IDLE && owners.isEmpty() && frozen.isEmpty();
  }

  /** I2; called after every event by tests, explorers and the wiring. */
  public void checkInvariant() {
    boolean stable = state == State.ACTIVE || state == State.PARKED || state == State.DRAINING;
    Check.that(
        !stable || !owners.isEmpty() || timer != 0 || release,
        "held without owners, timer or release: %s",
        this);
    Check.that(!stable || held != null, "nothing held: %s", this);
    Check.that(state != State.PARKED || owners.isEmpty(), "parked with owners: %s", this);
    Check.that(state != State.PARKED || waiting.isEmpty(), "parked, some wait: %s", this);
    Check.that(state != State.ACTIVE || !owners.isEmpty(), "active without owners: %s", this);
    Check.that(state != State.DRAINING || !owners.isEmpty(), "drained, not released: %s", this);
    boolean going = state == State.DRAINING || state == State.RELEASING;
    Check.that(release == going, "release is %s: %s", release, this);
    Check.that(going || frozen.isEmpty(), "frozen without a release: %s", this);
    Check.that(
        state != State.IDLE || (held == null && waiting.isEmpty()),
        "idle with leftovers: %s",
        this);
    Check.that(held != null || owners.isEmpty(), "owners without a lease: %s", this);
    Check.that(timer == 0 || state == State.PARKED || state == State.DRAINING, "timer: %s", this);
    for (Owner owner : owners.values()) {
      Check.that(held.covers(owner.tx.kind.mode()), "%s is not covered: %s", owner, this);
    }
  }

  /** The whole state, one line: for people, and for explorers to know a state again. */
  @Override
  public String toString() {
    return String.format(
        "%s lease=%d held=%s/%d token=%s epoch=%d wanted=%s flags=%s%s%s%s%s%s timer=%d drain=%d"
            + " owners=%s waiting=%s frozen=%s cycle=%s",
        state,
        lastLease,
        held,
        heldLease,
        token,
        epoch,
        wanted,
        release ? "R" : "-",
        recalledEarly ? "E" : "-",
        sharedRecalled ? "S" : "-",
        clean ? "C" : "-",
        lost ? "L" : "-",
        drainOver ? "O" : "-",
        timer,
        drainStarts,
        owners.values(),
        waiting,
        frozen,
        cycles);
  }

  // ---- transitions

  private void acquire() {
    wanted = Mode.SHARED;
    for (Tx tx : waiting) {
      if (!wanted.covers(tx.kind.mode())) {
        wanted = Mode.EXCLUSIVE;
      }
    }
    lastLease++;
    become(State.ACQUIRING, "wanted");
    effects.add(new Effect.SendAcquire(lastLease, wanted));
  }

  private void start(Tx tx) {
    long startCycle = 0;
    if (tx.kind == Kind.WRITE) {
      startCycle = cycles.start();
    }
    owners.put(tx.id, new Owner(tx, startCycle));
    effects.add(new Effect.Start(tx.id, heldLease, token, startCycle, epoch));
    if (tx.kind == Kind.HOLD && state == State.DRAINING) {
      effects.add(new Effect.WriteBack(heldLease));
    }
  }

  /** Starts those who wait and may run; then active, parked, upgrading, or released. */
  private void serve() {
    boolean mayStart = !lost && !(state == State.DRAINING && drainOver);
    ArrayDeque<Tx> still = new ArrayDeque<>();
    for (Tx tx : waiting) {
      boolean starts = mayStart && held.covers(tx.kind.mode()) && !conflicts(tx, still);
      if (starts && state == State.DRAINING && ++drainStarts > DRAIN_STARTS_MAX) {
        starts = false;
        drainOver = true;
        mayStart = false;
      }
      if (starts) {
        start(tx);
      } else {
        still.add(tx);
      }
    }
    waiting = still;
    if (state == State.DRAINING) {
      if (owners.isEmpty()) {
        sendRelease();
      }
    } else if (needsUpgrade()) {
      acquire();
    } else if (owners.isEmpty()) {
      park();
    } else {
      becomeActive("served");
    }
  }

  private boolean needsUpgrade() {
    for (Tx tx : waiting) {
      if (!held.covers(tx.kind.mode())) {
        return true;
      }
    }
    return false;
  }

  /** Whether {@code tx} has to wait for an owner or for one who came before it. */
  private boolean conflicts(Tx tx, Iterable<Tx> before) {
    for (Tx earlier : before) {
      // A reader behind a writer who waits for an upgrade would keep the shared lease busy.
      if (tx.range.overlaps(earlier.range) || !held.covers(earlier.kind.mode())) {
        return true;
      }
    }
    if (tx.range.isEmpty()) {
      return false;
    }
    for (Owner owner : owners.values()) {
      if (tx.range.overlaps(owner.tx.range)) {
        return true;
      }
    }
    return false;
  }

  private void afterOwner() {
    switch (state) {
      case ACTIVE, DRAINING -> serve();
      case ACQUIRING -> {
        if ((sharedRecalled || lost) && owners.isEmpty()) {
          // The upgrade stays in the queue of lockd, behind the one who recalled.
          effects.add(new Effect.SendRelease(heldLease, true));
          held = null;
          sharedRecalled = false;
          lost = false;
        }
      }
      case IDLE, PARKED, RELEASING -> {}
    }
  }

  private void park() {
    become(State.PARKED, "no owners");
    arm(TimerKind.IDLE);
  }

  private void becomeActive(String reason) {
    if (state != State.ACTIVE) {
      become(State.ACTIVE, reason);
    }
  }

  /** From now on the lease goes: set together with taking it out of ACTIVE or PARKED. */
  private void drain(String reason) {
    disarm();
    release = true;
    drainStarts = 0;
    drainOver = false;
    become(State.DRAINING, reason);
    if (owners.values().stream().anyMatch(owner -> owner.tx.kind == Kind.HOLD)) {
      effects.add(lost ? new Effect.Drop(heldLease) : new Effect.WriteBack(heldLease));
    }
    serve();
    if (state == State.DRAINING) {
      arm(TimerKind.DRAIN);
    }
  }

  private void lose() {
    lost = true;
    clean = clean && held == Mode.SHARED;
    if (state == State.ACTIVE || state == State.PARKED) {
      drain("lost");
    } else if (state == State.DRAINING) {
      effects.add(new Effect.Drop(heldLease));
    }
  }

  private void sendRelease() {
    Check.that(owners.isEmpty(), "released under its owners: %s", this);
    disarm();
    release = true;
    boolean endsClean = clean || held == Mode.SHARED;
    postOp(cycles.close(endsClean));
    waiting.addAll(frozen);
    frozen = waiting;
    waiting = new ArrayDeque<>();
    become(State.RELEASING, "no owners");
    if (doubtfulLease != 0) {
      effects.add(new Effect.SendRelease(doubtfulLease, true));
    }
    effects.add(new Effect.SendRelease(heldLease, endsClean));
  }

  private void idle(String reason) {
    held = null;
    release = false;
    lost = false;
    clean = true;
    doubtfulLease = 0;
    waiting = frozen;
    frozen = new ArrayDeque<>();
    become(State.IDLE, reason);
    if (!waiting.isEmpty()) {
      acquire();
    }
  }

  private void failWaiting(ErrorCode code) {
    for (Iterator<Tx> i = waiting.iterator(); i.hasNext(); ) {
      Tx tx = i.next();
      if (held == null || !held.covers(tx.kind.mode())) {
        i.remove();
        effects.add(new Effect.Fail(tx.id, code));
      }
    }
  }

  private void endCycle() {
    if (clean && state != State.RELEASING) {
      postOp(cycles.end());
    }
  }

  private void postOp(long cycle) {
    if (cycle != 0) {
      effects.add(new Effect.PostOp(token, cycle));
    }
  }

  /** What AFR does with the parked transaction on a flush; not reached in production. */
  private void wakeParked() {
    disarm();
    if (wake == Wake.AFR_AFTER) {
      drain("flush");
    }
  }

  private void arm(TimerKind kind) {
    timer = ++lastTimer;
    effects.add(new Effect.ArmTimer(timer, kind));
  }

  private void disarm() {
    if (timer != 0) {
      effects.add(new Effect.CancelTimer(timer));
      timer = 0;
    }
  }

  private static boolean isDoubtful(ErrorCode code) {
    return switch (code) {
      case TIMED_OUT, DISCONNECTED, LEASE_TIMEOUT, BUSY, CLOSING -> true;
      default -> false;
    };
  }

  private void become(State next, String reason) {
    Check.that(state.mayBecome(next), "%s -> %s: %s", state, next, reason);
    state = next;
  }

  private List<Effect> take() {
    if (effects.isEmpty()) {
      return List.of();
    }
    List<Effect> taken = effects;
    effects = new ArrayList<>();
    return taken;
  }
}
