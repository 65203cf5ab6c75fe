package io.lockstep.replication.eagerlock;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import io.lockstep.replication.eagerlock.Operations.Owner;
import io.lockstep.replication.eagerlock.Operations.Tx;
import java.util.ArrayList;
import java.util.List;

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
 * an owner or sets the release flag ({@link Drain}), in the same transition that cancels the timer.
 * {@link #checkInvariant} holds after every event.
 *
 * <p>Lock, dirty mark and fsync have separate lives: a flush, fsync or close only asks for a
 * post-op; it ends the cycle, not the lease, and an operation that arrives meanwhile joins under
 * the next cycle. The post-op starts when the last transaction of its cycle is done, which is known
 * by counting.
 *
 * <p>This class is the transitions. What they are made on has a class each: {@link HeldLease},
 * {@link AskedLease}, {@link Drain}, {@link Timer}, {@link Operations}, {@link Cycles}. Lease ids
 * rise (P4); timers and answers carry ids and do nothing when stale.
 */
public final class EagerLock {
  private final EagerLockRules rules;

  // What follows is read by EagerLockView and LockView, and changed here only.

  State state = State.IDLE;
  final HeldLease held;
  final AskedLease asked;
  final Drain drain;
  final Timer timer;
  final Operations operations;
  final Cycles cycles;

  private List<Effect> effects = new ArrayList<>();

  /**
   * @param leaseBase lease ids will be greater than this
   */
  public EagerLock(long leaseBase) {
    this(leaseBase, EagerLockRules.PRODUCTION);
  }

  /** With other decisions, for tests and reproductions. */
  public EagerLock(long leaseBase, EagerLockRules rules) {
    this.rules = rules;
    held = new HeldLease();
    asked = new AskedLease(leaseBase);
    drain = new Drain();
    timer = new Timer();
    operations = new Operations(rules);
    cycles = new Cycles();
  }

  private EagerLock(EagerLock from) {
    rules = from.rules;
    state = from.state;
    held = new HeldLease(from.held);
    asked = new AskedLease(from.asked);
    drain = new Drain(from.drain);
    timer = new Timer(from.timer);
    operations = new Operations(from.operations);
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
        operations.await(arrived);
        acquire();
      }
      case ACQUIRING -> operations.await(arrived);
      case ACTIVE, PARKED -> {
        if (state == State.PARKED && !rules.joinsParked(timer.isArmed())) {
          operations.await(arrived);
          acquire();
        } else if (operations.mayStart(arrived, held.mode())) {
          timer.disarm(effects);
          start(arrived);
          becomeActive("join");
        } else {
          operations.await(arrived);
          timer.disarm(effects);
          serve();
        }
      }
      case DRAINING, RELEASING -> operations.freeze(arrived);
    }
    return take();
  }

  /**
   * A flush of the hold {@code parent}, which is an owner: joins at once, also while the lease is
   * draining, for the drain waits for it.
   */
  public List<Effect> onArriveUnder(long parent, long tx) {
    Check.that(operations.isOwningHold(parent), "%d is no hold that owns", parent);
    start(new Tx(tx, Kind.WRITE, Range.NONE));
    return take();
  }

  /** An operation that was started has ended. A failure is its own: those who joined go on. */
  public List<Effect> onDone(long tx, Result result) {
    Owner owner = operations.end(tx);
    boolean tainted = result != Result.OK && owner.tx().kind() != Kind.READ;
    if (tainted) {
      held.taint();
    }
    if (owner.cycle() != 0) {
      postOp(cycles.done(owner.cycle(), held.isClean()));
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
    if (operations.giveUp(tx)) {
      effects.add(new Effect.Fail(tx, ErrorCode.LEASE_TIMEOUT));
      if (state == State.ACTIVE || state == State.DRAINING) {
        serve();
      }
    }
    return take();
  }

  // ---- answers and pushes of lockd

  public List<Effect> onGranted(long lease, Token newToken, long newEpoch) {
    if (!isAwaited(lease)) {
      return take();
    }
    held.take(asked.mode(), lease, newToken, newEpoch);
    asked.takeSharedRecalled();
    if (asked.takeRecalledEarly()) {
      drain("recalled before the grant");
    } else {
      serve();
    }
    return take();
  }

  /** Whether a lease that came with another answer can be taken: nothing is held or asked for. */
  public boolean mayRide(long lease) {
    return state == State.IDLE && lease >= asked.id();
  }

  /** A lease that came with another answer; only if {@link #mayRide}. */
  public List<Effect> onRidden(long lease, Mode mode, Token newToken, long newEpoch) {
    Check.that(mayRide(lease), "lease %d rides on %s", lease, this);
    asked.ride(lease, mode);
    become(State.ACQUIRING, "rides");
    return onGranted(lease, newToken, newEpoch);
  }

  /**
   * lockd refused, or it is unknown what it did. Those who need the lease fail; after an unknown
   * outcome the id is released, so that it cannot be held by nobody.
   */
  public List<Effect> onRefused(long lease, ErrorCode code) {
    if (!isAwaited(lease)) {
      return take();
    }
    asked.takeRecalledEarly();
    if (code == ErrorCode.STALE_LEASE && operations.hasWaiting()) {
      // lockd ended this id before it was granted, as after a recall that overtook it.
      acquire();
      return take();
    }
    failWaiting(code);
    boolean doubtful = AskedLease.isDoubtful(code);
    if (held.isHeld()) {
      onUpgradeRefused(doubtful);
    } else if (doubtful) {
      held.takeDoubtful(lease);
      sendRelease();
    } else {
      idle("refused");
    }
    return take();
  }

  private void onUpgradeRefused(boolean doubtful) {
    if (doubtful) {
      asked.doubt();
    }
    if (asked.takeSharedRecalled() || held.isLost() || doubtful) {
      drain("upgrade refused");
    } else {
      serve();
    }
  }

  /** Somebody else wants the inode. Remembered if it overtook the grant. */
  public List<Effect> onRecall(long lease) {
    if (isAwaited(lease)) {
      asked.recallEarly();
    } else if (held.isHeldAs(lease)) {
      if (state == State.ACQUIRING) {
        asked.recallShared();
        afterOwner();
      } else if (state == State.ACTIVE || state == State.PARKED) {
        drain("recall");
      }
    }
    return take();
  }

  public List<Effect> onReleased(long lease) {
    if (state == State.RELEASING && lease == held.id()) {
      idle("released");
    }
    return take();
  }

  /** The lease is not ours any more: expired, fenced, or its session has ended. */
  public List<Effect> onLost() {
    if (held.isHeld() && state != State.RELEASING) {
      lose();
      afterOwner();
    }
    return take();
  }

  /** A new lockd did not take the lease over. */
  public List<Effect> onReclaimRefused(long lease) {
    return held.isHeldAs(lease) ? onLost() : take();
  }

  // ---- time and configuration

  public List<Effect> onTimer(long id) {
    if (!timer.tryFire(id)) {
      return take();
    }
    if (state == State.PARKED) {
      drain("idle");
    } else {
      Check.that(state == State.DRAINING, "a timer is armed in %s", state);
      drain.timeOut();
    }
    return take();
  }

  /** The replica set has a newer configuration: who is started from now on carries it. */
  public List<Effect> onConfigChanged(long newEpoch) {
    held.adopt(rules.adoptedEpoch(held.epoch(), newEpoch));
    return take();
  }

  // ---- post-op

  /** The dirty mark is to be cleared: ends the cycle, never the lease. */
  public List<Effect> onPostOpRequested() {
    endCycle();
    return take();
  }

  /**
   * A descriptor was flushed and wants its marks cleared now; the client leaves that to its
   * schedule, which clears many at once.
   */
  public List<Effect> onFlush() {
    endCycle();
    if (state == State.PARKED) {
      rules.onFlushOfParked(
          new EagerLockRules.Parked() {
            @Override
            public void cancelTimer() {
              timer.disarm(effects);
            }

            @Override
            public void release(String reason) {
              drain(reason);
            }
          });
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
    return held.mode();
  }

  /** The lease held (or being released); meaningless if {@link #held} is null. */
  public long heldLease() {
    return held.id();
  }

  public long lastLease() {
    return asked.id();
  }

  public Token token() {
    return held.token();
  }

  /** Whether a recall of this lease is for us; else it is answered NOT-MINE (P4). */
  public boolean knows(long lease) {
    return held.isHeldAs(lease)
        || isAwaited(lease)
        || (state == State.RELEASING && lease == held.id())
        || (lease != 0 && lease == asked.doubtful() && rules.knowsDoubtful());
  }

  /** Whether somebody waits for the lease that is being acquired. */
  public boolean hasWaiting() {
    return operations.hasWaiting();
  }

  public boolean isLost() {
    return held.isLost();
  }

  /** Nothing held, nobody waiting, no post-op: it can be forgotten. */
  public boolean isIdle() {
    return state == State.IDLE && !operations.isOwned() && !operations.hasFrozen();
  }

  /** For people. */
  public LockView view() {
    return LockView.of(this);
  }

  /** I2; called after every event by tests, explorers and the wiring. */
  public void checkInvariant() {
    EagerLockView.check(this);
  }

  /** The whole state, one line, for people. */
  @Override
  public String toString() {
    return EagerLockView.describe(this);
  }

  /**
   * For explorers to know a state again: two machines with equal keys behave equally from here on,
   * but for the numbers of operations, leases, timers and cycles.
   */
  public String key() {
    return EagerLockView.key(this);
  }

  public boolean isTimerArmed() {
    return timer.isArmed();
  }

  /** The newest timer, armed or not; 0 = none. */
  public long lastTimer() {
    return timer.last();
  }

  /** The cycle that starts belong to. */
  public long cycle() {
    return cycles.current();
  }

  // ---- transitions

  private boolean isAwaited(long lease) {
    return state == State.ACQUIRING && lease == asked.id();
  }

  private void acquire() {
    asked.ask(operations.wanted());
    become(State.ACQUIRING, "wanted");
    effects.add(new Effect.SendAcquire(asked.id(), asked.mode()));
  }

  private void start(Tx tx) {
    long startCycle = tx.kind() == Kind.WRITE ? cycles.start() : 0;
    operations.own(tx, startCycle);
    effects.add(new Effect.Start(tx.id(), held.id(), held.token(), startCycle, held.epoch()));
    if (tx.kind() == Kind.HOLD && state == State.DRAINING) {
      effects.add(new Effect.WriteBack(held.id()));
    }
  }

  /** Starts those who wait and may run; then active, parked, upgrading, or released. */
  private void serve() {
    for (Tx tx : operations.takeWaiting()) {
      if (mayStart(tx)) {
        start(tx);
      } else {
        operations.await(tx);
      }
    }
    if (state == State.DRAINING) {
      if (!operations.isOwned()) {
        sendRelease();
      }
    } else if (operations.needsMoreThan(held.mode())) {
      acquire();
    } else if (!operations.isOwned()) {
      park();
    } else {
      becomeActive("served");
    }
  }

  private boolean mayStart(Tx tx) {
    boolean draining = state == State.DRAINING;
    return !held.isLost()
        && !(draining && drain.isOver())
        && operations.mayStart(tx, held.mode())
        && !(draining && !drain.tryStart());
  }

  private void afterOwner() {
    switch (state) {
      case ACTIVE, DRAINING -> serve();
      case ACQUIRING -> {
        if ((asked.isSharedRecalled() || held.isLost()) && !operations.isOwned()) {
          // The upgrade stays in the queue of lockd, behind the one who recalled.
          effects.add(new Effect.SendRelease(held.id(), true));
          held.letGo();
          asked.takeSharedRecalled();
        }
      }
      case IDLE, PARKED, RELEASING -> {}
    }
  }

  private void park() {
    become(State.PARKED, "no owners");
    timer.arm(TimerKind.IDLE, effects);
  }

  private void becomeActive(String reason) {
    if (state != State.ACTIVE) {
      become(State.ACTIVE, reason);
    }
  }

  /** From now on the lease goes: set together with taking it out of ACTIVE or PARKED. */
  private void drain(String reason) {
    timer.disarm(effects);
    drain.begin();
    become(State.DRAINING, reason);
    if (operations.isOwnedByHold()) {
      effects.add(held.isLost() ? new Effect.Drop(held.id()) : new Effect.WriteBack(held.id()));
    }
    serve();
    if (state == State.DRAINING) {
      timer.arm(TimerKind.DRAIN, effects);
    }
  }

  private void lose() {
    held.lose();
    if (state == State.ACTIVE || state == State.PARKED) {
      drain("lost");
    } else if (state == State.DRAINING) {
      effects.add(new Effect.Drop(held.id()));
    }
  }

  private void sendRelease() {
    Check.that(!operations.isOwned(), "released under its owners: %s", this);
    timer.disarm(effects);
    drain.release();
    postOp(cycles.close(held.endsClean()));
    operations.freezeWaiting();
    become(State.RELEASING, "no owners");
    if (asked.doubtful() != 0) {
      effects.add(new Effect.SendRelease(asked.doubtful(), true));
    }
    effects.add(new Effect.SendRelease(held.id(), held.endsClean()));
  }

  private void idle(String reason) {
    held.forget();
    asked.forgetDoubtful();
    drain.end();
    operations.thaw();
    become(State.IDLE, reason);
    if (operations.hasWaiting()) {
      acquire();
    }
  }

  private void failWaiting(ErrorCode code) {
    for (Tx tx : operations.takeUncovered(held.mode())) {
      effects.add(new Effect.Fail(tx.id(), code));
    }
  }

  private void endCycle() {
    if (held.isClean() && state != State.RELEASING) {
      postOp(cycles.end());
    }
  }

  private void postOp(long cycle) {
    if (cycle != 0) {
      effects.add(new Effect.PostOp(held.token(), cycle));
    }
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
