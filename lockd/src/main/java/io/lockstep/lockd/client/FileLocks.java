package io.lockstep.lockd.client;

import io.lockstep.core.Agent;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Times;
import io.lockstep.lockd.client.LockOperation.State;
import io.lockstep.lockd.client.LockSpec.Whose;
import io.lockstep.wire.Peer;
import io.lockstep.wire.Replies;
import io.lockstep.wire.SessionEvents;
import io.lockstep.wire.message.CancelLock;
import io.lockstep.wire.message.FileLockRow;
import io.lockstep.wire.message.LockAction;
import io.lockstep.wire.message.LockSettled;
import io.lockstep.wire.message.LocksLost;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.ReclaimLocks;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetEpoch;
import io.lockstep.wire.message.SetLock;
import io.lockstep.wire.message.SetLockReply;
import io.lockstep.wire.message.TestLock;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Confined to its agent, but for {@link #set}, {@link #drop}, {@link #close}, {@link #test}, {@link
 * #interrupt}, {@link #mayHold} and {@link #isUsed}, which any thread may call. The locks of one
 * mount's applications at lockd, by fcntl and by flock.
 *
 * <p>No thread waits here: who asks is called back. A wait lasts as long as it has to, in requests
 * that are repeated every few seconds; it ends by an interrupt, by the close of its owner's
 * descriptor, or with the session. Each operation has an id that rises, so its repeats and
 * duplicates are executed once; an interrupted one is answered when lockd has said that it never
 * will be granted, or that it was granted before.
 *
 * <p>All locks live by the session (P13): when it could not be renewed for its life they are lost,
 * like those that a new lockd does not take over (P5). Their descriptors are told.
 */
public final class FileLocks implements SessionEvents {
  private static final long RETRY_NS = TimeUnit.MILLISECONDS.toNanos(200);
  private static final long TICK_NS = TimeUnit.MILLISECONDS.toNanos(100);

  /** A push that says that a wait is over may get lost. */
  private static final long REPEAT_NS = TimeUnit.SECONDS.toNanos(2);

  private static final int RECLAIM_MAX = 512;
  private static final int OPERATIONS_MAX = 8_192;

  private final Peer lockd;
  private final Agent agent;
  private final Times times;
  private final HeldLocks held = new HeldLocks();

  /** By id; those that were not answered. */
  private final TreeMap<Long, LockOperation> operations = new TreeMap<>();

  /** What lockd may still believe to be held though this mount has given it up. */
  private final Set<Whose> leftovers = new HashSet<>();

  private volatile Consumer<Collection<Long>> onLost = handles -> {};
  private long lastOperation;
  private long lockdTerm;

  /** The newest that lockd has told of: what begins now is executed behind it. */
  private Moment newest = Moment.FIRST;

  /** Rises with each reclaim: answers to an older one are stale. */
  private long reclaim;

  private boolean reclaiming;
  private boolean ended;
  private long untilNs;

  /**
   * @param lockd the client's way to the leading master; it repeats what gets lost
   */
  public FileLocks(Peer lockd, Agent agent, Times times) {
    this.lockd = lockd;
    this.agent = agent;
    this.times = times;
    this.untilNs = agent.clock().nowNs() + times.holderLifeNs() / 2;
    enter(this::tick);
  }

  /**
   * Who is told of descriptors whose locks are lost; called on the agent. Set before the first use.
   */
  public void onLost(Consumer<Collection<Long>> listener) {
    onLost = listener;
  }

  // ---- by any thread

  /**
   * Locks or unlocks.
   *
   * @param action LOCK_READ, LOCK_WRITE or UNLOCK
   * @param blocking wait until it can be locked
   * @param handle the descriptor that is told if the lock gets lost
   * @param done called once, on the agent: OK, WOULD_BLOCK, DEADLOCK, INTERRUPTED, NO_LOCKS, or
   *     IO_ERROR with nothing locked
   */
  public LockOperation set(
      LockSpec spec, LockAction action, boolean blocking, long handle, Consumer<ErrorCode> done) {
    held.use(spec.key());
    if (action == LockAction.LOCK_READ || action == LockAction.LOCK_WRITE) {
      held.useHandle(handle);
    }
    long deadlineNs = blocking ? Long.MAX_VALUE : nowNs() + times.operationNs();
    LockOperation operation = new LockOperation(spec, action, blocking, handle, deadlineNs, done);
    enter(() -> begin(operation));
    return operation;
  }

  /** The owner closes the file: all its locks there go, and what it waits for. */
  public LockOperation drop(long inode, boolean flock, long owner, Consumer<ErrorCode> done) {
    LockSpec all = LockSpec.all(new Whose(inode, flock, owner));
    return set(all, LockAction.DROP_LOCKS, false, 0, done);
  }

  /**
   * The last descriptor of an open file is closed: what was locked through it alone goes. That is
   * its flock, and what the kernel calls locks of open file descriptions, which no owner closes.
   */
  public void close(long handle, Consumer<ErrorCode> done) {
    enter(
        () -> {
          List<Whose> orphans = held.close(handle);
          int[] left = {orphans.size()};
          for (Whose key : orphans) {
            drop(
                key.inode(),
                key.flock(),
                key.owner(),
                code -> {
                  left[0]--;
                  if (left[0] == 0) {
                    done.accept(code);
                  }
                });
          }
          if (orphans.isEmpty()) {
            done.accept(ErrorCode.OK);
          }
        });
  }

  /** False if no lock was asked for through this open file. */
  public boolean isUsed(long handle) {
    return held.isUsed(handle);
  }

  /** False if this owner surely has no lock on this file and asks for none. */
  public boolean mayHold(long inode, boolean flock, long owner) {
    return held.mayHold(new Whose(inode, flock, owner));
  }

  /** Ends a wait: it is answered INTERRUPTED, or OK if it was granted before. */
  public void interrupt(LockOperation operation) {
    enter(
        () -> {
          if (operation.id == 0) {
            operation.interrupted = true;
          } else if (operation.isLock() && !operation.isDone()) {
            operation.state = State.CANCELLING;
            cancel(operation);
          }
        });
  }

  /**
   * F_GETLK.
   *
   * @param onFound on a thread of the transport: the lock in the way, null if there is none
   */
  public void test(LockSpec spec, LockAction action, BiConsumer<ErrorCode, FileLockRow> onFound) {
    TestLock test =
        TestLock.newBuilder()
            .setInode(spec.inode())
            .setFlock(spec.flock())
            .setOwner(spec.owner())
            .setStart(spec.start())
            .setEnd(spec.end())
            .setAction(action)
            .build();
    lockd.call(
        Request.newBuilder().setTestLock(test).build(),
        times.operationNs(),
        (reply, payload) -> {
          payload.release();
          boolean found = reply.getTestLock().hasInTheWay();
          onFound.accept(Replies.code(reply), found ? reply.getTestLock().getInTheWay() : null);
        });
  }

  /** For people: what is held and asked for; the answer comes on the agent. */
  public void counters(Consumer<Map<String, Long>> then) {
    enter(
        () ->
            then.accept(
                Map.of(
                    "file_locks_held", (long) held.size(),
                    "file_lock_operations", (long) operations.size())));
  }

  // ---- an operation

  private void begin(LockOperation operation) {
    if (!isValid()) {
      answer(operation, ErrorCode.IO_ERROR);
    } else if (operation.interrupted && operation.isLock()) {
      answer(operation, ErrorCode.INTERRUPTED);
    } else if (operations.size() >= OPERATIONS_MAX && operation.isLock()) {
      answer(operation, ErrorCode.NO_LOCKS);
    } else {
      lastOperation++;
      operation.id = lastOperation;
      operations.put(operation.id, operation);
      operation.since = newest.before(operation.id);
      held.begin(operation);
      if (!reclaiming) {
        send(operation);
      }
    }
  }

  private void send(LockOperation operation) {
    operation.state = State.SENT;
    LockSpec spec = operation.spec;
    SetLock message =
        SetLock.newBuilder()
            .setInode(spec.inode())
            .setOperation(operation.id)
            .setAnsweredBelow(operations.firstKey())
            .setFlock(spec.flock())
            .setOwner(spec.owner())
            .setStart(spec.start())
            .setEnd(spec.end())
            .setAction(operation.action)
            .setBlocking(operation.blocking)
            .setPid(spec.pid())
            .build();
    ask(operation, Request.newBuilder().setSetLock(message).build());
  }

  private void cancel(LockOperation operation) {
    CancelLock message =
        CancelLock.newBuilder()
            .setOperation(operation.id)
            .setAnsweredBelow(operations.firstKey())
            .build();
    ask(operation, Request.newBuilder().setCancelLock(message).build());
  }

  private void ask(LockOperation operation, Request request) {
    operation.attempt++;
    long attempt = operation.attempt;
    lockd.call(
        request,
        times.memberCallNs(),
        (reply, payload) -> {
          payload.release();
          enter(
              () -> {
                if (!operation.isDone() && operation.attempt == attempt) {
                  onAnswer(operation, reply);
                }
              });
        });
  }

  private void onAnswer(LockOperation operation, Reply reply) {
    ErrorCode code = Replies.code(reply);
    SetLockReply body = reply.getSetLock();
    Moment at = seen(body.getLockdTerm(), body.getPosition());
    boolean former = body.getLockdTerm() != 0 && body.getLockdTerm() < lockdTerm;
    if (isTemporary(code) || former) {
      if (nowNs() - operation.deadlineNs >= 0) {
        giveUp(operation);
      } else {
        again(operation, RETRY_NS);
      }
    } else if (code.isOk() && body.getWaiting()) {
      operation.state = State.WAITING;
      held.onQueued(operation, at);
      loseShared(operation);
      again(operation, REPEAT_NS);
    } else {
      settle(operation, code == ErrorCode.SESSION_ENDED ? ErrorCode.IO_ERROR : code, at);
    }
  }

  private Moment seen(long term, long position) {
    Moment at = Moment.of(term, position);
    newest = newest.max(at);
    return at;
  }

  private void again(LockOperation operation, long pauseNs) {
    long attempt = operation.attempt;
    agent.schedule(
        pauseNs,
        () -> {
          if (!operation.isDone() && operation.attempt == attempt && !reclaiming) {
            repeat(operation);
          }
        });
  }

  private void repeat(LockOperation operation) {
    if (operation.state == State.CANCELLING) {
      cancel(operation);
    } else {
      send(operation);
    }
  }

  /** Nobody knows what became of it, so its owner's locks there are given up. */
  private void giveUp(LockOperation operation) {
    leftovers.add(operation.spec.key());
    settle(operation, ErrorCode.IO_ERROR, newest);
    dropLeftovers();
  }

  private void settle(LockOperation operation, ErrorCode code, Moment at) {
    operations.remove(operation.id);
    if (code.isOk()) {
      if (!held.onExecuted(operation, at)) {
        tellLost(Set.of(operation.handle));
      }
    } else {
      held.onEnded(operation);
      loseShared(operation);
    }
    answer(operation, code);
    if (!code.isOk() && operation.isLock() && operation.spec.flock()) {
      forgetReplaced(operation.spec.key());
    }
  }

  /**
   * The owner goes on to believe in the lock that it wanted to share, but a new lockd was told that
   * it is shared.
   */
  private void loseShared(LockOperation operation) {
    if (operation.hasShared) {
      operation.hasShared = false;
      leftovers.add(operation.spec.key());
      dropLeftovers();
    }
  }

  /**
   * A flock that could not be had costs the one that it was to replace, as on Linux; whether lockd
   * had come to that is not known.
   */
  private void forgetReplaced(Whose key) {
    if (held.mayHold(key)) {
      held.forget(key);
      drop(key.inode(), key.flock(), key.owner(), code -> {});
    }
  }

  private void answer(LockOperation operation, ErrorCode code) {
    held.unuse(operation.spec.key());
    operation.done(code);
  }

  private static boolean isTemporary(ErrorCode code) {
    return switch (code) {
      case TIMED_OUT, DISCONNECTED, BUSY, NOT_LEADER, IN_GRACE, CLOSING, LEASE_TIMEOUT -> true;
      default -> false;
    };
  }

  // ---- what lockd says by itself

  @Override
  public void onPush(Push push) {
    enter(
        () -> {
          switch (push.getBodyCase()) {
            case LOCK_SETTLED -> onSettled(push.getLockSettled());
            case LOCKS_LOST -> onLocksLost(push.getLocksLost());
            default -> {}
          }
        });
  }

  private void onSettled(LockSettled settled) {
    LockOperation operation = operations.get(settled.getOperation());
    if (operation != null && settled.getLockdTerm() >= lockdTerm && !reclaiming) {
      Moment at = seen(settled.getLockdTerm(), settled.getPosition());
      settle(operation, ErrorCode.ofNumber(settled.getCode()), at);
    }
  }

  private void onLocksLost(LocksLost lost) {
    Whose key = new Whose(lost.getInode(), lost.getFlock(), lost.getOwner());
    Moment at = seen(lost.getLockdTerm(), lost.getPosition());
    if (held.isLockedBehind(key, at)) {
      // Its descriptors fail from here on, so what was locked since is of no use.
      leftovers.add(key);
      dropLeftovers();
    } else {
      tellLost(held.onTaken(key, at));
    }
  }

  private void lose(Collection<Whose> keys) {
    Set<Long> handles = new HashSet<>();
    keys.forEach(key -> handles.addAll(held.forget(key)));
    tellLost(handles);
  }

  private void tellLost(Set<Long> handles) {
    if (!handles.isEmpty()) {
      onLost.accept(handles);
    }
  }

  // ---- session

  @Override
  public void onRenewed(long sentNs, long term, List<SetEpoch> epochs) {
    enter(
        () -> {
          boolean late = !isValid();
          if (late && !ended) {
            loseAll();
          }
          untilNs = Math.max(untilNs, sentNs + times.holderLifeNs());
          if (!isValid()) {
            return;
          }
          if (late) {
            dropLeftovers();
          }
          if (term != 0 && term > lockdTerm) {
            lockdTerm = term;
            startReclaim();
          }
        });
  }

  @Override
  public void onSessionEnded(String reason) {
    enter(
        () -> {
          ended = true;
          loseAll();
        });
  }

  /** A new session in place of one that ended: it has no locks. */
  public void onSessionReopened() {
    enter(
        () -> {
          loseAll();
          leftovers.clear();
          ended = false;
          lockdTerm = 0;
          reclaiming = false;
          reclaim++;
          untilNs = nowNs() + times.holderLifeNs() / 2;
        });
  }

  private void tick() {
    if (!ended && !isValid()) {
      loseAll();
    }
    agent.schedule(TICK_NS, this::tick);
  }

  private boolean isValid() {
    return !ended && untilNs - nowNs() > 0;
  }

  private void loseAll() {
    for (LockOperation operation : List.copyOf(operations.values())) {
      leftovers.add(operation.spec.key());
      operations.remove(operation.id);
      held.onEnded(operation);
      answer(operation, ErrorCode.IO_ERROR);
    }
    leftovers.addAll(held.keys());
    lose(held.keys());
  }

  /** The session lived on though this mount did not hear of it: others must not wait for us. */
  private void dropLeftovers() {
    List<Whose> keys = List.copyOf(leftovers);
    leftovers.clear();
    for (Whose key : keys) {
      lose(List.of(key));
      drop(key.inode(), key.flock(), key.owner(), code -> {});
    }
  }

  // ---- reclaim

  /** This lockd knows nothing of our locks yet; until it does, nothing else is asked of it. */
  private void startReclaim() {
    reclaim++;
    reclaiming = true;
    sendReclaim(held.messages(), 0, reclaim);
  }

  private void sendReclaim(List<SetLock> all, int from, long number) {
    int to = Math.min(all.size(), from + RECLAIM_MAX);
    ReclaimLocks message =
        ReclaimLocks.newBuilder()
            .addAllLocks(all.subList(from, to))
            .setLast(to == all.size())
            .build();
    lockd.call(
        Request.newBuilder().setReclaimLocks(message).build(),
        times.memberCallNs(),
        (reply, payload) -> {
          payload.release();
          enter(
              () -> {
                if (number == reclaim) {
                  onReclaimed(all, from, to, reply);
                }
              });
        });
  }

  private void onReclaimed(List<SetLock> all, int from, int to, Reply reply) {
    ErrorCode code = Replies.code(reply);
    long number = reclaim;
    if (isTemporary(code)) {
      agent.schedule(
          RETRY_NS,
          () -> {
            if (number == reclaim) {
              sendReclaim(all, from, number);
            }
          });
      return;
    }
    lose(refused(all.subList(from, to), code, reply));
    if (to < all.size()) {
      sendReclaim(all, to, number);
      return;
    }
    reclaiming = false;
    for (LockOperation operation : List.copyOf(operations.values())) {
      repeat(operation);
    }
    dropLeftovers();
  }

  /** One range lost: the owner cannot rely on the rest of its locks there. */
  private List<Whose> refused(List<SetLock> told, ErrorCode code, Reply reply) {
    List<Whose> keys = new ArrayList<>();
    for (int i = 0; i < told.size(); i++) {
      if (!code.isOk() || reply.getReclaimLocks().getRefusedList().contains(i)) {
        SetLock lock = told.get(i);
        keys.add(new Whose(lock.getInode(), lock.getFlock(), lock.getOwner()));
      }
    }
    leftovers.addAll(keys);
    return keys;
  }

  // ---- threads

  private long nowNs() {
    return agent.clock().nowNs();
  }

  /** Answers must not get lost, so a full inbox is passed by. */
  private void enter(Runnable task) {
    if (!agent.execute(task)) {
      agent.schedule(0, task);
    }
  }
}
