package io.lockstep.lockd.server;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.Clock;
import io.lockstep.core.ErrorCode;
import io.lockstep.lockd.lease.Effect;
import io.lockstep.lockd.lease.NameLeases;
import io.lockstep.wire.Replies;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.ForeignFiles;
import io.lockstep.wire.message.ForeignFilesReply;
import io.lockstep.wire.message.GrantNames;
import io.lockstep.wire.message.NamesChanged;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.RecallNames;
import io.lockstep.wire.message.ReleaseNames;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * Guarded by its own lock. Directory leases for whoever asks, on the thread that asks: the master
 * needs the grant before it reads, and a change without other holders must cost no detour.
 *
 * <p>Pushes and answers leave after the lock is given back. They need no order among each other: a
 * recall names its lease, and is repeated until it is answered.
 */
final class NameServer {
  private final SizeOwners sizeOwners;
  private final Pushers pushers;
  private final Clock clock;
  private final Consumer<Effect.AskEndSession> onStubborn;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final NameLeases leases;

  @GuardedBy("lock")
  private final Map<Long, Responder> waiting = new HashMap<>();

  @GuardedBy("lock")
  private long lastRequest;

  /**
   * @param onStubborn told of a holder that does not let go; any thread, under no lock
   */
  NameServer(
      NameLeases leases,
      SizeOwners sizeOwners,
      Pushers pushers,
      Clock clock,
      Consumer<Effect.AskEndSession> onStubborn) {
    this.leases = leases;
    this.sizeOwners = sizeOwners;
    this.pushers = pushers;
    this.clock = clock;
    this.onStubborn = onStubborn;
  }

  /** One transition, under the lock. */
  private interface Step {
    List<Effect> run(NameLeases state);
  }

  // ---- what happens to lockd

  void onStarted(Collection<Long> sessions) {
    step(state -> state.onStarted(sessions, clock.nowNs()));
  }

  void onStopped() {
    step(NameLeases::onStopped);
  }

  void onTold(long session) {
    step(state -> state.onTold(session));
  }

  void onSessionEnded(long session) {
    step(state -> state.onSessionEnded(session));
  }

  void onTick() {
    step(state -> state.isRestless() ? state.onTick(clock.nowNs()) : List.of());
  }

  // ---- requests

  /** Of a client. */
  void release(Request request, Responder responder) {
    for (ReleaseNames.Item it : request.getReleaseNames().getLeasesList()) {
      step(state -> state.onRelease(request.getSession(), it.getDirectory(), it.getLease()));
    }
    responder.ok();
  }

  void grant(GrantNames it, Responder responder) {
    boolean granted;
    lock.lock();
    try {
      granted = leases.tryGrant(it.getSession(), it.getDirectory(), it.getLease(), clock.nowNs());
    } finally {
      lock.unlock();
    }
    responder.reply(granted ? Replies.OK : Replies.failure(ErrorCode.BUSY, "no lease rides along"));
  }

  /**
   * @param deadlineNs when nobody waits for the answer any more
   */
  void changed(NamesChanged it, Responder responder, long deadlineNs) {
    List<Runnable> actions = new ArrayList<>();
    lock.lock();
    try {
      lastRequest++;
      waiting.put(lastRequest, responder);
      List<Long> changed = it.getDirectoriesList();
      long nowNs = clock.nowNs();
      collect(leases.onChange(lastRequest, it.getSession(), changed, deadlineNs, nowNs), actions);
    } finally {
      lock.unlock();
    }
    actions.forEach(Runnable::run);
  }

  void foreign(ForeignFiles it, Responder responder) {
    ForeignFilesReply.Builder foreign = ForeignFilesReply.newBuilder();
    for (long inode : it.getInodesList()) {
      if (!sizeOwners.isMasterRight(inode, it.getSession())) {
        foreign.addInodes(inode);
      }
    }
    responder.reply(Reply.newBuilder().setForeignFiles(foreign).build());
  }

  // ---- for people

  List<NameLeases.Row> rows(int max) {
    lock.lock();
    try {
      return leases.rows(max, clock.nowNs());
    } finally {
      lock.unlock();
    }
  }

  /** Recalls by force; returns what is recalled, as it was. */
  List<NameLeases.Row> clear(long session, long ageNs) {
    List<NameLeases.Row> cleared = new ArrayList<>();
    step(state -> state.onClear(session, ageNs, cleared, clock.nowNs()));
    return cleared;
  }

  private void step(Step step) {
    List<Runnable> actions = new ArrayList<>();
    lock.lock();
    try {
      collect(step.run(leases), actions);
    } finally {
      lock.unlock();
    }
    actions.forEach(Runnable::run);
  }

  @GuardedBy("lock")
  private void collect(List<Effect> effects, List<Runnable> actions) {
    for (Effect effect : effects) {
      actions.add(action(effect));
    }
  }

  @GuardedBy("lock")
  private Runnable action(Effect effect) {
    if (effect instanceof Effect.AnswerChange it) {
      Responder responder = waiting.remove(it.request());
      return () -> responder.reply(Replies.failure(it.code(), ""));
    }
    if (effect instanceof Effect.RecallNames it) {
      Push push =
          Push.newBuilder()
              .setRecallNames(
                  RecallNames.newBuilder().setDirectory(it.directory()).setLease(it.lease()))
              .build();
      // One that finds no way is lost: it is repeated.
      return () -> pushers.push(it.session(), push);
    }
    Effect.AskEndSession it = (Effect.AskEndSession) effect;
    return () -> onStubborn.accept(it);
  }
}
