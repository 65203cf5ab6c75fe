package io.lockstep.replication.client;

import io.lockstep.core.Agent;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.SetConfig;
import io.lockstep.core.Token;
import io.lockstep.replication.eagerlock.EagerLock;
import io.lockstep.replication.eagerlock.Effect;
import io.lockstep.replication.eagerlock.Kind;
import io.lockstep.replication.eagerlock.LockView;
import io.lockstep.replication.eagerlock.Mode;
import io.lockstep.replication.eagerlock.Result;
import io.lockstep.replication.eagerlock.State;
import io.lockstep.replication.eagerlock.TimerKind;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Payload;
import io.lockstep.wire.message.EagerLockRow;
import io.lockstep.wire.message.LeaseGrant;
import io.lockstep.wire.message.LeaseMode;
import io.lockstep.wire.message.ObjectContext;
import io.lockstep.wire.message.ReclaimLeases;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SyncObjects;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Confined to the replication agent, but for {@link #buffer} and {@link #loss}, which guard
 * themselves. One inode of this mount: its eager lock, the operations under it, its write-back.
 * Executes the effects of the lock; what they cause is queued and becomes the next event.
 */
final class LeasedInode {
  /** A lease that is held, and not on its way back. */
  record ReadGrant(long lease, long epoch) {}

  private final Engine engine;
  private final long inode;
  private final long set;
  private final EagerLock lock;
  private final WriteBuffer buffer = new WriteBuffer();
  private final WriteBack writeBack;
  private final AtomicReference<Loss> loss = new AtomicReference<>(Loss.NONE);
  private final Map<Long, LockOp<?>> ops = new HashMap<>();
  private final ArrayDeque<Supplier<List<Effect>>> events = new ArrayDeque<>();
  private boolean executing;
  private Agent.Timer timer;

  private final DurableWrites durableWrites = new DurableWrites();
  private long cycleSinceNs;
  private long lastWriteNs;

  /** By cycle that is not cleared: the oldest epoch at which a transaction of it was done. */
  private final TreeMap<Long, Long> cycleEpochs = new TreeMap<>();

  /** What a read on a caller's thread may begin and must end under; null = nothing. */
  private volatile ReadGrant readable;

  private long grantedEpoch;

  private final Waiters waiters = new Waiters();
  private final WritesUnderWay writes = new WritesUnderWay();
  private final KernelPages pages;
  private boolean cycleOpen;

  LeasedInode(Engine engine, long inode, long set, CacheDropper caches, long leaseBase) {
    this.engine = engine;
    this.inode = inode;
    this.set = set;
    this.pages = new KernelPages(engine, inode, caches, waiters);
    this.lock = new EagerLock(leaseBase, engine.lockSeam.rules());
    this.writeBack = new WriteBack(engine, this);
  }

  long inode() {
    return inode;
  }

  long set() {
    return set;
  }

  WriteBuffer buffer() {
    return buffer;
  }

  WriteBack writeBack() {
    return writeBack;
  }

  /** By any thread. The lease under which the bytes of the members are the file's, or null. */
  ReadGrant readable() {
    return readable;
  }

  /** By any thread: before a read or write of a caller looks for a lease. */
  void countUse() {
    pages.countUse();
  }

  /** By any thread. */
  Waiters waiters() {
    return waiters;
  }

  /** By any thread. */
  WritesUnderWay writes() {
    return writes;
  }

  /** One who may have waited has the lease now: its pages are as good as others under it. */
  void begins(Object waiter) {
    if (waiters.remove(waiter)) {
      countUse();
    }
  }

  /** By any thread. */
  Loss loss() {
    return loss.get();
  }

  Token token() {
    return lock.token();
  }

  long lastLease() {
    return lock.lastLease();
  }

  /** Nothing held, wanted or outstanding: it can be forgotten. */
  boolean isIdle() {
    return (durableWrites.isOwnSynced() || engine.isSessionEnded())
        && lock.isIdle()
        && ops.isEmpty()
        && writeBack.isIdle();
  }

  boolean isBusy() {
    return !ops.isEmpty() || !writeBack.isIdle();
  }

  // ---- operations

  void arrive(LockOp<?> op) {
    if (lock.held() != null && !engine.isLeaseValid()) {
      event(lock::onLost);
    }
    ops.put(op.tx, op);
    engine.busy.add(this);
    event(() -> lock.onArrive(op.tx, op.kind, op.range));
    if (op.kind != Kind.READ && !(op instanceof Hold)) {
      // It goes beside the buffer, so the buffer must be with the members first.
      writeBack.end();
    }
  }

  void arriveUnder(Hold hold, LockOp<?> op) {
    ops.put(op.tx, op);
    engine.busy.add(this);
    event(() -> lock.onArriveUnder(hold.tx, op.tx));
  }

  /** The operation was started and is done. */
  void finish(LockOp<?> op, Result result) {
    ops.remove(op.tx);
    event(() -> lock.onDone(op.tx, result));
  }

  /** Nobody waits for it any more; fails it unless it runs. */
  void giveUp(LockOp<?> op) {
    event(() -> lock.onDeadline(op.tx));
  }

  void onTick(long nowNs) {
    writeBack.onTick(nowNs);
    for (LockOp<?> op : List.copyOf(ops.values())) {
      if (op.deadlineNs != Long.MAX_VALUE && op.deadlineNs - nowNs <= 0) {
        giveUp(op);
      }
    }
  }

  static Result result(io.lockstep.replication.transaction.Effect.Done done) {
    if (done.leaseLost()) {
      return Result.LEASE_LOST;
    }
    return done.code().isOk() || !done.sent() ? Result.OK : Result.FAILED;
  }

  // ---- lockd

  boolean isAwaited(long lease) {
    return lock.state() == State.ACQUIRING && lock.lastLease() == lease && lock.hasWaiting();
  }

  void onGranted(long lease, LeaseGrant grant) {
    engine.configs.heardOf(set, grant.getEpoch());
    event(
        () -> {
          boolean awaited = lock.state() == State.ACQUIRING && lock.lastLease() == lease;
          List<Effect> effects =
              lock.onGranted(lease, Convert.token(grant.getToken()), grant.getEpoch());
          if (awaited) {
            grantedEpoch = grant.getEpoch();
            durableWrites.onGranted();
            boolean exclusive = lock.held() == Mode.EXCLUSIVE;
            buffer.granted(grant.getAttributes(), lock.token(), exclusive);
          }
          return effects;
        });
  }

  /** A lease that came with another answer; false if it is of no use here. */
  boolean onRidden(long lease, Mode mode, LeaseGrant grant) {
    if (!lock.mayRide(lease)) {
      return false;
    }
    engine.configs.heardOf(set, grant.getEpoch());
    event(
        () -> {
          Token token = Convert.token(grant.getToken());
          grantedEpoch = grant.getEpoch();
          durableWrites.onGranted();
          buffer.granted(grant.getAttributes(), token, mode == Mode.EXCLUSIVE);
          return lock.onRidden(lease, mode, token, grant.getEpoch());
        });
    return true;
  }

  void onRefused(long lease, ErrorCode code) {
    event(() -> lock.onRefused(lease, code));
  }

  void onReleased(long lease) {
    engine.attributesListener.accept(inode);
    event(() -> lock.onReleased(lease));
  }

  /** False if the lease is not ours: it is answered NOT-MINE (P4). Kernel pages go first (P12). */
  boolean onRecall(long lease) {
    if (!lock.knows(lease)) {
      return false;
    }
    engine.counters.add(Counters.Phase.RECALLS);
    pages.dropFirst(() -> event(() -> lock.onRecall(lease)));
    return true;
  }

  /**
   * lockd has ended this lease by force: each descriptor open now is told once, whatever it wrote.
   *
   * @param then runs when nothing here can be read any more that was read under the lease, nor in
   *     the kernel: lockd waits for that. Not at all if the grant is still on its way: then it is
   *     told again
   */
  void onCleared(long lease, Runnable then) {
    if (lock.state() == State.ACQUIRING && lock.lastLease() == lease) {
      return;
    }
    if (lock.held() != null && lock.heldLease() == lease && !lock.isLost()) {
      boolean exclusive = lock.held() == Mode.EXCLUSIVE;
      long losses = loss.get().count();
      event(lock::onLost);
      if (exclusive && loss.get().count() == losses) {
        lost(ErrorCode.IO_ERROR);
      }
    }
    pages.drop(then);
  }

  /** For people; null if there is nothing to be shown. */
  EagerLockRow row() {
    LockView view = lock.view();
    if (view.state() == State.IDLE && view.frozen().isEmpty() && ops.isEmpty()) {
      return null;
    }
    return EagerLockRow.newBuilder()
        .setInode(inode)
        .setSet(set)
        .setState(view.state().name())
        .setHeld(
            view.held() == null ? LeaseMode.LEASE_MODE_UNKNOWN : LeaseChannel.message(view.held()))
        .setLease(view.lease())
        .setToken(Convert.message(view.token()))
        .setEpoch(view.epoch())
        .setCycle(view.cycle())
        .addAllOwners(view.owners())
        .addAllWaiters(view.waiting())
        .addAllFrozen(view.frozen())
        .setTimer(view.timer())
        .setRelease(view.release())
        .setLost(view.lost())
        .build();
  }

  void onReclaimRefused(long lease) {
    event(() -> lock.onReclaimRefused(lease));
  }

  void addReclaim(List<ReclaimLeases.Item> items) {
    // One that is being released must not come back to life behind the release.
    if (lock.held() != null && !lock.isLost() && lock.state() != State.RELEASING) {
      items.add(LeaseChannel.reclaimItem(this, lock.heldLease(), lock.held()));
    }
  }

  /** Another client asks for size and times: {@code then} runs when the master has them. */
  void onQuery(Runnable then) {
    engine.refresher.refresh(this, ok -> then.run());
  }

  void onLeaseLost() {
    if (lock.held() != null && !lock.isLost()) {
      event(lock::onLost);
    }
  }

  /** Lets go of the lease as soon as its owners are done. */
  void letGo() {
    if (lock.held() != null) {
      event(() -> lock.onRecall(lock.heldLease()));
    }
  }

  void onConfigChanged(SetConfig config) {
    event(() -> lock.onConfigChanged(config.epoch()));
    if (durableWrites.onOpenedAnew(config.openedEpoch())) {
      // The members settled without those writes: size and pages here are not the file's any more.
      lost(ErrorCode.IO_ERROR);
      onLeaseLost();
    } else if (readable != null && readable.epoch < config.openedEpoch()) {
      // What others wrote may be gone just so.
      pages.drop(() -> {});
    }
  }

  // ---- transactions

  ObjectContext context(long epoch, Token token, long cycle, List<Integer> absent) {
    return ObjectContext.newBuilder()
        .setSet(set)
        .setInode(inode)
        .setEpoch(epoch)
        .setToken(Convert.message(token))
        .setCycle(cycle)
        .addAllAbsent(absent)
        .build();
  }

  /** A transaction of that cycle is on all members, not durable yet. */
  void wrote(long cycle, io.lockstep.replication.transaction.Effect.Done done) {
    durableWrites.onWritten(done.epoch());
    noteCycle(cycle, done);
  }

  /**
   * A transaction of that cycle is on all members, and they have synced it.
   *
   * @param doneBefore how many writes were done when it was sent
   * @param times with the time of the write
   */
  void wroteDurably(
      long cycle,
      io.lockstep.replication.transaction.Effect.Done done,
      long doneBefore,
      boolean times) {
    durableWrites.onWrittenDurably(doneBefore, times);
    noteCycle(cycle, done);
  }

  private void noteCycle(long cycle, io.lockstep.replication.transaction.Effect.Done done) {
    cycleEpochs.merge(cycle, done.epoch(), Math::min);
    lastWriteNs = engine.nowNs();
  }

  /** Accepted writes are lost: each descriptor open now is told once. */
  void lost(ErrorCode code) {
    engine.counters.add(Counters.Phase.LOSSES);
    boolean transport = code == ErrorCode.TIMED_OUT || code == ErrorCode.DISCONNECTED;
    ErrorCode told = transport ? ErrorCode.IO_ERROR : code;
    loss.updateAndGet(before -> before.another(told));
    buffer.distrust();
    engine.attributesListener.accept(inode);
  }

  void pump() {
    writeBack.pump();
  }

  // ---- durability

  DurableWrites durableWrites() {
    return durableWrites;
  }

  /**
   * {@code then} gets OK when all writes up to {@code write} are durable, with their size and, if
   * {@code times}, with when they were done. The members keep all that: the dirty mark beside it
   * goes only after the master has heard of it, and whoever settles the mark takes size and time
   * from the members. So no entry of the master's log is needed, unless an application chose the
   * times itself: those only we know.
   */
  void sync(long write, boolean times, Consumer<ErrorCode> then) {
    Runnable members = () -> writeBack.flushDurably(write, times, () -> syncMembers(times, then));
    if (!times || !buffer.hasChosenTimes()) {
      members.run();
      return;
    }
    engine.refresher.refresh(
        this,
        told -> {
          if (told) {
            members.run();
          } else {
            then.accept(ErrorCode.TIMED_OUT);
          }
        });
  }

  private void syncMembers(boolean times, Consumer<ErrorCode> then) {
    if (durableWrites.isSynced(times)) {
      then.accept(ErrorCode.OK);
      return;
    }
    long upTo = durableWrites.done();
    engine.counters.add(Counters.Phase.SYNCS);
    engine.transact(
        set,
        (epoch, absent) ->
            Request.newBuilder()
                .setSyncObjects(
                    SyncObjects.newBuilder()
                        .setSet(set)
                        .setEpoch(epoch)
                        .addInodes(inode)
                        .setTimes(times))
                .build(),
        Payload.EMPTY,
        done -> {
          if (done.code().isOk()) {
            durableWrites.onSynced(upTo, times);
          }
          then.accept(done.code());
        });
  }

  boolean isPostOpDue(long nowNs) {
    return nowNs - lastWriteNs >= engine.options.postOpQuietNs()
        || nowNs - cycleSinceNs >= engine.options.postOpAgeMaxNs();
  }

  void requestPostOp() {
    cycleOpen = false;
    event(lock::onPostOpRequested);
  }

  void onPostOpDone(long cycle) {
    cycleEpochs.headMap(cycle, true).clear();
    event(() -> lock.onPostOpDone(cycle));
  }

  /** An event of the {@link LockSeam}. */
  void event(Function<EagerLock, List<Effect>> event, Runnable then) {
    event(() -> event.apply(lock));
    then.run();
  }

  // ---- effects

  private void event(Supplier<List<Effect>> event) {
    events.add(event);
    if (executing) {
      return;
    }
    executing = true;
    while (!events.isEmpty()) {
      List<Effect> effects = events.poll().get();
      engine.lockSeam.afterEvent(inode, lock);
      effects.forEach(this::execute);
      updateReadable();
    }
    executing = false;
  }

  private void updateReadable() {
    boolean held = lock.held() != null && !lock.isLost() && lock.state() != State.RELEASING;
    if (held && (readable == null || readable.lease != lock.heldLease())) {
      readable = new ReadGrant(lock.heldLease(), grantedEpoch);
    } else if (!held && readable != null) {
      readable = null;
      pages.drop(() -> {});
    }
  }

  private void execute(Effect effect) {
    if (effect instanceof Effect.Start start) {
      onStart(start);
    } else if (effect instanceof Effect.Fail fail) {
      LockOp<?> op = ops.remove(fail.tx());
      waiters.remove(op);
      op.fail(fail.code());
    } else if (effect instanceof Effect.SendAcquire acquire) {
      engine.leases.acquire(this, acquire.lease(), acquire.mode());
    } else if (effect instanceof Effect.SendRelease release) {
      onSendRelease(release);
    } else if (effect instanceof Effect.ArmTimer arm) {
      onArmTimer(arm);
    } else if (effect instanceof Effect.CancelTimer) {
      timer.cancel();
    } else if (effect instanceof Effect.PostOp postOp) {
      onPostOp(postOp);
    } else if (effect instanceof Effect.WriteBack) {
      writeBack.end();
    } else if (effect instanceof Effect.Drop) {
      engine.counters.add(Counters.Phase.LEASES_LOST);
      writeBack.drop();
    }
  }

  private void onStart(Effect.Start start) {
    LockOp<?> op = ops.get(start.tx());
    begins(op);
    if (op.kind == Kind.WRITE && !cycleOpen) {
      cycleOpen = true;
      cycleSinceNs = engine.nowNs();
      lastWriteNs = cycleSinceNs;
      engine.postOps.written(this);
    }
    op.start(start);
  }

  private void onPostOp(Effect.PostOp postOp) {
    Long firstEpoch = cycleEpochs.get(postOp.cycle());
    if (firstEpoch == null) {
      // Nothing went to the members, so no mark of this cycle has taken the place of an older one.
      onPostOpDone(postOp.cycle());
      return;
    }
    engine.postOps.ready(
        new PostOpBatcher.Item(this, postOp.token(), postOp.cycle(), firstEpoch, false));
  }

  private void onArmTimer(Effect.ArmTimer arm) {
    boolean idle = arm.kind() == TimerKind.IDLE;
    long delayNs = idle ? engine.options.leaseIdleNs() : engine.options.drainNs();
    timer =
        engine.agent.schedule(
            delayNs,
            () -> {
              if (idle) {
                pages.dropFirst(() -> event(() -> lock.onTimer(arm.timer())));
              } else {
                event(() -> lock.onTimer(arm.timer()));
              }
            });
  }

  /**
   * Kernel pages, then size and times go before the lease; if the master could not be told, the end
   * is not clean.
   */
  private void onSendRelease(Effect.SendRelease release) {
    readable = null;
    if (!release.clean()) {
      buffer.distrust();
    }
    if (pages.mayBeThere()) {
      // Who joined since they were dropped may have left new ones.
      pages.drop(() -> release(release));
    } else {
      release(release);
    }
  }

  private void release(Effect.SendRelease release) {
    engine.refresher.refresh(
        this,
        told -> {
          long held = lock.held() == null ? 0 : lock.heldLease();
          if (engine.lockSeam.coherence().disowns(release.lease(), held)) {
            buffer.disowned();
          }
          engine.leases.release(this, release.lease(), release.clean() && told);
        });
  }
}
