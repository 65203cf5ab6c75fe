package io.lockstep.lockd.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.ManualAgent;
import io.lockstep.core.Times;
import io.lockstep.lockd.client.FileLocks;
import io.lockstep.lockd.client.LockOperation;
import io.lockstep.lockd.client.LockSpec;
import io.lockstep.wire.LocalPeer;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerIdentity;
import io.lockstep.wire.Replies;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.ClearLeases;
import io.lockstep.wire.message.LockAction;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import io.lockstep.wire.message.SessionEnded;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Locks of applications from a mount to lockd and back, on virtual time and a bad network. */
class FileLocksTest {
  private static final long FILE = 7;
  private static final long END = Long.MAX_VALUE;

  private final ManualAgent agent = new ManualAgent();
  private final FakeMaster master = new FakeMaster();
  private final LockdServer lockd =
      new LockdServer(new LocalPeer(master), set -> 1, agent, Times.DEFAULT);
  private long term = 10;

  /** Null = every message arrives, once and in order. */
  private Random chaos;

  /** One mount: its session is renewed every second while it is not cut off. */
  private final class Mount {
    final long session;
    final FileLocks locks;
    final List<Long> lost = new ArrayList<>();
    final Set<BodyCase> dropped = EnumSet.noneOf(BodyCase.class);
    boolean cutOff;
    boolean deaf;
    boolean unanswered;

    /** How long the next ones take; no delay behind the last. */
    final Queue<Long> requestDelaysMs = new ArrayDeque<>();

    final Queue<Long> answerDelaysMs = new ArrayDeque<>();
    final Queue<Long> pushDelaysMs = new ArrayDeque<>();

    Mount(long session) {
      this.session = session;
      this.locks = new FileLocks(new Way(this), agent, Times.DEFAULT);
      locks.onLost(lost::addAll);
      renew();
    }

    private void renew() {
      if (!cutOff) {
        locks.onRenewed(agent.nowNs(), term, List.of());
      }
      agent.schedule(Times.DEFAULT.renewalNs(), this::renew);
    }

    /** The answers so far; empty while it waits. */
    Asked lock(long owner, LockAction action, boolean blocking, long start, long end) {
      Asked asked = new Asked();
      LockSpec spec = new LockSpec(FILE, false, owner, start, end, 1);
      asked.operation = locks.set(spec, action, blocking, 100 + owner, asked.codes::add);
      agent.advance(1);
      return asked;
    }

    Asked write(long owner) {
      return lock(owner, LockAction.LOCK_WRITE, true, 0, END);
    }

    Asked unlock(long owner) {
      return lock(owner, LockAction.UNLOCK, false, 0, END);
    }
  }

  private static final class Asked {
    final List<ErrorCode> codes = new ArrayList<>();
    LockOperation operation;
  }

  /** The network between a mount and lockd. */
  private final class Way implements Peer {
    private final Mount mount;
    private final PeerIdentity identity;

    Way(Mount mount) {
      this.mount = mount;
      this.identity =
          new PeerIdentity(
              "client",
              "h:" + mount.session,
              mount.session,
              1,
              null,
              0,
              push -> {
                if (!mount.cutOff && !mount.deaf && !isLost()) {
                  agent.schedule(delayNs(mount.pushDelaysMs), () -> mount.locks.onPush(push));
                }
                return true;
              });
    }

    @Override
    public void call(Request request, Payload payload, long timeoutNs, ReplyHandler onReply) {
      boolean[] answered = {false};
      agent.schedule(timeoutNs, () -> once(answered, onReply, timedOut()));
      int copies = chaos != null && chaos.nextInt(5) == 0 ? 2 : 1;
      for (int i = 0; i < copies; i++) {
        if (!mount.cutOff && !mount.dropped.contains(request.getBodyCase()) && !isLost()) {
          agent.schedule(delayNs(mount.requestDelaysMs), () -> deliver(request, answered, onReply));
        }
      }
    }

    private Reply timedOut() {
      return Replies.failure(ErrorCode.TIMED_OUT, "no answer");
    }

    private void deliver(Request request, boolean[] answered, ReplyHandler onReply) {
      lockd.onRequest(
          request.toBuilder().setSession(mount.session).build(),
          Payload.EMPTY,
          new Responder() {
            @Override
            public void reply(Reply reply, Payload payload) {
              if (!mount.cutOff && !mount.unanswered && !isLost()) {
                agent.schedule(delayNs(mount.answerDelaysMs), () -> once(answered, onReply, reply));
              }
            }

            @Override
            public PeerIdentity peer() {
              return identity;
            }
          });
    }

    private void once(boolean[] answered, ReplyHandler onReply, Reply reply) {
      if (!answered[0]) {
        answered[0] = true;
        onReply.onReply(reply, Payload.EMPTY);
      }
    }
  }

  private boolean isLost() {
    return chaos != null && chaos.nextInt(6) == 0;
  }

  private long delayNs(Queue<Long> planned) {
    if (!planned.isEmpty()) {
      return TimeUnit.MILLISECONDS.toNanos(planned.poll());
    }
    return chaos == null ? 0 : chaos.nextInt(300_000_000);
  }

  private void start(Long... sessions) {
    master.setTerm(term, sessions);
    lockd.start();
    agent.settle();
  }

  /** A new lockd that has to be told of everything. */
  private void restart(Long... sessions) {
    lockd.stop();
    term++;
    start(sessions);
  }

  private void clear(long session) {
    Request clear =
        Request.newBuilder().setClearLeases(ClearLeases.newBuilder().setSession(session)).build();
    new LocalPeer(lockd).call(clear, 1_000_000_000, (reply, payload) -> {});
    agent.settle();
  }

  private void endSession(long session) {
    Request ended =
        Request.newBuilder().setSessionEnded(SessionEnded.newBuilder().setSession(session)).build();
    new LocalPeer(lockd).call(ended, 1_000_000_000, (reply, payload) -> {});
    agent.settle();
  }

  @Test
  void waiterIsToldWhenTheHolderLetsGo() {
    start();
    Mount a = new Mount(11);
    Mount b = new Mount(12);
    assertThat(a.write(1).codes).containsExactly(ErrorCode.OK);
    assertThat(b.lock(1, LockAction.LOCK_READ, false, 5, 6).codes)
        .containsExactly(ErrorCode.WOULD_BLOCK);
    Asked waiting = b.write(1);
    agent.advance(60_000);
    assertThat(waiting.codes).isEmpty();
    a.unlock(1);
    agent.advance(1);
    assertThat(waiting.codes).containsExactly(ErrorCode.OK);
  }

  @Test
  void lostPushCostsTwoSecondsAtMost() {
    start();
    Mount a = new Mount(11);
    Mount b = new Mount(12);
    a.write(1);
    Asked waiting = b.write(1);
    b.deaf = true;
    a.unlock(1);
    agent.advance(2_100);
    assertThat(waiting.codes).containsExactly(ErrorCode.OK);
  }

  @Test
  void interruptedWaitLeavesNothing() {
    start();
    Mount a = new Mount(11);
    Mount b = new Mount(12);
    a.write(1);
    Asked waiting = b.write(1);
    b.locks.interrupt(waiting.operation);
    agent.advance(1);
    assertThat(waiting.codes).containsExactly(ErrorCode.INTERRUPTED);
    a.unlock(1);
    assertThat(b.locks.mayHold(FILE, false, 1)).isFalse();
    assertThat(a.lock(2, LockAction.LOCK_WRITE, false, 0, END).codes).containsExactly(ErrorCode.OK);
  }

  @Test
  void interruptBehindAGrantThatIsNotKnownYetIsTheGrant() {
    start();
    Mount a = new Mount(11);
    Mount b = new Mount(12);
    a.write(1);
    Asked waiting = b.write(1);
    b.deaf = true;
    a.unlock(1);
    b.locks.interrupt(waiting.operation);
    agent.advance(1);
    assertThat(waiting.codes).containsExactly(ErrorCode.OK);
    assertThat(a.lock(1, LockAction.LOCK_READ, false, 0, END).codes)
        .containsExactly(ErrorCode.WOULD_BLOCK);
  }

  @Test
  void circleOverTwoMountsIsADeadlock() {
    start();
    Mount a = new Mount(11);
    Mount b = new Mount(12);
    a.lock(1, LockAction.LOCK_WRITE, true, 0, 1);
    b.lock(1, LockAction.LOCK_WRITE, true, 1, 2);
    assertThat(a.lock(1, LockAction.LOCK_WRITE, true, 1, 2).codes).isEmpty();
    assertThat(b.lock(1, LockAction.LOCK_WRITE, true, 0, 1).codes)
        .containsExactly(ErrorCode.DEADLOCK);
  }

  @Test
  void closeOfADescriptorTakesTheLocksOfItsOwner() {
    start();
    Mount a = new Mount(11);
    a.write(1);
    assertThat(a.locks.mayHold(FILE, false, 1)).isTrue();
    List<ErrorCode> codes = new ArrayList<>();
    a.locks.drop(FILE, false, 1, codes::add);
    agent.advance(1);
    assertThat(codes).containsExactly(ErrorCode.OK);
    assertThat(a.locks.mayHold(FILE, false, 1)).isFalse();
    assertThat(a.write(2).codes).containsExactly(ErrorCode.OK);
  }

  @Test
  void lastCloseOfAnOpenFileTakesWhatWasLockedThroughItAlone() {
    start();
    Mount a = new Mount(11);
    Mount b = new Mount(12);
    a.lock(1, LockAction.LOCK_WRITE, true, 0, 1);
    a.lock(2, LockAction.LOCK_WRITE, true, 1, 2);
    assertThat(a.locks.isUsed(101)).isTrue();
    List<ErrorCode> codes = new ArrayList<>();
    a.locks.close(101, codes::add);
    agent.advance(1);
    assertThat(codes).containsExactly(ErrorCode.OK);
    assertThat(a.locks.isUsed(101)).isFalse();
    assertThat(b.lock(1, LockAction.LOCK_READ, false, 0, 1).codes).containsExactly(ErrorCode.OK);
    assertThat(b.lock(1, LockAction.LOCK_READ, false, 1, 2).codes)
        .containsExactly(ErrorCode.WOULD_BLOCK);
  }

  @Test
  void locksTakenByForceAreTold() {
    start();
    Mount a = new Mount(11);
    a.write(1);
    clear(11);
    agent.advance(1);
    assertThat(a.lost).containsExactly(101L);
    assertThat(new Mount(12).write(1).codes).containsExactly(ErrorCode.OK);
  }

  @Test
  void locksOfADeadSessionAreFree() {
    start();
    Mount a = new Mount(11);
    Mount b = new Mount(12);
    a.write(1);
    Asked waiting = b.write(1);
    endSession(11);
    agent.advance(1);
    assertThat(waiting.codes).containsExactly(ErrorCode.OK);
  }

  @Test
  void newLockdIsNotToldOfWhatWasLetGoThoughNoAnswerCame() {
    start();
    Mount a = new Mount(11);
    Mount b = new Mount(12);
    a.write(1);
    a.unanswered = true;
    Asked unlocking = a.unlock(1);
    assertThat(b.write(1).codes).containsExactly(ErrorCode.OK);
    restart(11L, 12L);
    a.unanswered = false;
    agent.advance(10_000);
    assertThat(b.lost).isEmpty();
    assertThat(unlocking.codes).containsExactly(ErrorCode.OK);
    assertThat(a.lock(2, LockAction.LOCK_READ, false, 0, 1).codes)
        .containsExactly(ErrorCode.WOULD_BLOCK);
  }

  @Test
  void unlockThatIsAnsweredBehindALaterLockLeavesIt() {
    start();
    Mount a = new Mount(11);
    Mount b = new Mount(12);
    a.write(1);
    a.answerDelaysMs.add(50L);
    Asked unlocking = a.unlock(1);
    assertThat(a.write(1).codes).containsExactly(ErrorCode.OK);
    agent.advance(50);
    assertThat(unlocking.codes).containsExactly(ErrorCode.OK);
    assertThat(a.locks.mayHold(FILE, false, 1)).isTrue();
    restart(11L, 12L);
    agent.advance(5_000);
    assertThat(b.lock(1, LockAction.LOCK_READ, false, 0, 1).codes)
        .containsExactly(ErrorCode.WOULD_BLOCK);
  }

  @Test
  void lockThatIsAnsweredBehindALaterUnlockIsGone() {
    start();
    Mount a = new Mount(11);
    Mount b = new Mount(12);
    agent.settle();
    a.answerDelaysMs.add(50L);
    Asked locking = a.write(1);
    assertThat(a.unlock(1).codes).containsExactly(ErrorCode.OK);
    agent.advance(50);
    assertThat(locking.codes).containsExactly(ErrorCode.OK);
    assertThat(a.locks.mayHold(FILE, false, 1)).isFalse();
    assertThat(b.write(1).codes).containsExactly(ErrorCode.OK);
    restart(11L, 12L);
    agent.advance(5_000);
    assertThat(b.lost).isEmpty();
  }

  @Test
  void lockThatWasWantedSharedIsToldAsShared() {
    start();
    Mount a = new Mount(11);
    Mount b = new Mount(12);
    a.write(1);
    a.unanswered = true;
    Asked sharing = a.lock(1, LockAction.LOCK_READ, true, 0, END);
    assertThat(b.lock(1, LockAction.LOCK_READ, true, 0, END).codes).containsExactly(ErrorCode.OK);
    restart(11L, 12L);
    a.unanswered = false;
    agent.advance(5_000);
    assertThat(sharing.codes).containsExactly(ErrorCode.OK);
    assertThat(a.lost).isEmpty();
    assertThat(b.lost).isEmpty();
  }

  @Test
  void lockThatCouldNotBeSharedButWasToldSoIsLost() {
    start();
    Mount a = new Mount(11);
    Mount b = new Mount(12);
    a.lock(1, LockAction.LOCK_WRITE, true, 0, 10);
    b.lock(1, LockAction.LOCK_WRITE, true, 10, 20);
    a.dropped.add(BodyCase.SET_LOCK);
    Asked sharing = a.lock(1, LockAction.LOCK_READ, false, 0, 20);
    restart(11L, 12L);
    a.dropped.clear();
    agent.advance(5_000);
    assertThat(sharing.codes).containsExactly(ErrorCode.WOULD_BLOCK);
    assertThat(a.lost).containsExactly(101L);
    assertThat(b.lost).isEmpty();
    assertThat(b.lock(1, LockAction.LOCK_WRITE, false, 0, 20).codes).containsExactly(ErrorCode.OK);
  }

  @Test
  void lockBehindOneThatWasTakenByForceGoesToo() {
    start();
    Mount a = new Mount(11);
    a.write(1);
    a.pushDelaysMs.add(50L);
    clear(11);
    assertThat(a.write(1).codes).containsExactly(ErrorCode.OK);
    agent.advance(50);
    assertThat(a.lost).containsExactly(101L);
    assertThat(a.locks.mayHold(FILE, false, 1)).isFalse();
    assertThat(new Mount(12).write(1).codes).containsExactly(ErrorCode.OK);
  }

  @Test
  void lockThatWasTakenByForceBeforeItsAnswerCameIsTold() {
    start();
    Mount a = new Mount(11);
    agent.settle();
    a.answerDelaysMs.add(50L);
    Asked asked = a.write(1);
    clear(11);
    agent.advance(50);
    assertThat(asked.codes).containsExactly(ErrorCode.OK);
    assertThat(a.lost).containsExactly(101L);
    assertThat(a.locks.mayHold(FILE, false, 1)).isFalse();
  }

  /** Two threads of one owner, a bad network: a new lockd is told what the former one knew. */
  @Test
  void mountAndLockdAgreeWhenAllIsAnswered() {
    for (long seed = 1; seed <= 40; seed++) {
      new FileLocksTest().agreeAtRest(seed);
    }
  }

  private void agreeAtRest(long seed) {
    chaos = new Random(seed);
    Random random = new Random(-seed);
    start();
    Mount a = new Mount(11);
    Mount b = new Mount(12);
    LockAction[] actions = {LockAction.LOCK_READ, LockAction.LOCK_WRITE, LockAction.UNLOCK};
    for (int step = 0; step < 60; step++) {
      int from = random.nextInt(6);
      a.lock(1, actions[random.nextInt(3)], false, from, from + 1 + random.nextInt(6 - from));
      agent.advance(random.nextInt(100));
    }
    chaos = null;
    agent.advance(40_000);
    List<String> known = known(b);
    restart(11L, 12L);
    agent.advance(5_000);
    assertThat(known(b)).as("seed " + seed).isEqualTo(known);
  }

  /** What lockd says of each byte. */
  private List<String> known(Mount asking) {
    List<String> bytes = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      LockSpec one = new LockSpec(FILE, false, 1, i, i + 1, 1);
      asking.locks.test(
          one,
          LockAction.LOCK_WRITE,
          (code, row) -> bytes.add(row == null ? code.name() : row.getWrite() ? "W" : "r"));
      agent.advance(1);
    }
    return bytes;
  }

  @Test
  void newLockdIsToldWhatIsHeldAndWaitersGoOn() {
    start();
    Mount a = new Mount(11);
    Mount b = new Mount(12);
    a.write(1);
    Asked waiting = b.write(1);
    restart(11L, 12L);
    agent.advance(5_000);
    assertThat(waiting.codes).isEmpty();
    assertThat(b.lock(2, LockAction.LOCK_READ, false, 0, 1).codes)
        .containsExactly(ErrorCode.WOULD_BLOCK);
    a.unlock(1);
    agent.advance(5_000);
    assertThat(waiting.codes).containsExactly(ErrorCode.OK);
    assertThat(a.lost).isEmpty();
  }

  @Test
  void lockThatCouldNotBeReclaimedIsToldToItsDescriptor() {
    start();
    Mount a = new Mount(11);
    Mount b = new Mount(12);
    a.write(1);
    // Cut off from the new lockd, but not for so long that its session ends.
    a.dropped.add(BodyCase.RECLAIM_LOCKS);
    restart(11L, 12L);
    agent.advance(11_000);
    assertThat(b.write(1).codes).containsExactly(ErrorCode.OK);
    a.dropped.clear();
    agent.advance(6_000);
    assertThat(a.lost).containsExactly(101L);
    assertThat(a.locks.mayHold(FILE, false, 1)).isFalse();
  }

  @Test
  void mountThatIsCutOffLosesItsLocksBeforeOthersGetThem() {
    start();
    Mount a = new Mount(11);
    a.write(1);
    a.cutOff = true;
    agent.advance(9_700);
    assertThat(a.lost).containsExactly(101L);
    assertThat(a.write(2).codes).containsExactly(ErrorCode.IO_ERROR);
    // Its session lived on: what lockd still believes is given back.
    a.cutOff = false;
    agent.advance(2_000);
    assertThat(new Mount(12).write(1).codes).containsExactly(ErrorCode.OK);
  }

  @Test
  void flockThatWasInterruptedWhileItWantedMoreHoldsNothing() {
    start();
    Mount a = new Mount(11);
    Mount b = new Mount(12);
    List<ErrorCode> codes = new ArrayList<>();
    LockSpec mine = new LockSpec(FILE, true, 1, 0, END, 1);
    a.locks.set(mine, LockAction.LOCK_READ, true, 101, codes::add);
    b.locks.set(mine, LockAction.LOCK_READ, true, 101, codes::add);
    agent.advance(1);
    LockOperation more = a.locks.set(mine, LockAction.LOCK_WRITE, true, 101, codes::add);
    agent.advance(1);
    a.locks.interrupt(more);
    agent.advance(1);
    assertThat(codes).containsExactly(ErrorCode.OK, ErrorCode.OK, ErrorCode.INTERRUPTED);
    b.locks.set(mine, LockAction.LOCK_WRITE, false, 101, codes::add);
    agent.advance(1);
    assertThat(codes).last().isEqualTo(ErrorCode.OK);
  }

  // ---- a bad network

  /** What one owner believes to have. */
  private record Belief(long session, long owner, boolean write) {}

  @Test
  void nobodyBelievesInALockThatAnotherHas() {
    long first = Long.getLong("seed", 1);
    Map<ErrorCode, Integer> outcomes = new HashMap<>();
    for (long seed = first; seed < first + 40; seed++) {
      new FileLocksTest().runSeed(seed, outcomes);
    }
    System.out.println("outcomes: " + outcomes);
    assertThat(outcomes).containsKeys(ErrorCode.OK, ErrorCode.WOULD_BLOCK, ErrorCode.INTERRUPTED);
  }

  private void runSeed(long seed, Map<ErrorCode, Integer> outcomes) {
    chaos = new Random(seed);
    Random random = new Random(-seed);
    start();
    List<Mount> mounts = List.of(new Mount(11), new Mount(12), new Mount(13));
    Map<String, Belief> beliefs = new LinkedHashMap<>();
    Map<String, Asked> busy = new HashMap<>();
    for (int step = 0; step < 300; step++) {
      Mount mount = mounts.get(random.nextInt(mounts.size()));
      long owner = random.nextInt(2) + 1L;
      String who = mount.session + "/" + owner;
      Asked asked = busy.get(who);
      if (asked == null) {
        busy.put(who, act(mount, owner, who, random, beliefs, outcomes));
      } else if (!asked.codes.isEmpty()) {
        busy.remove(who);
      } else if (random.nextInt(3) == 0) {
        mount.locks.interrupt(asked.operation);
      }
      agent.advance(random.nextInt(200));
      check(seed, step, beliefs);
    }
    chaos = null;
    // A lock that is asked for while its owner closes the file may come behind the close.
    for (int round = 0; round < 8; round++) {
      agent.advance(10_000);
      for (Mount mount : mounts) {
        mount.locks.drop(FILE, false, 1, code -> {});
        mount.locks.drop(FILE, false, 2, code -> {});
      }
    }
    agent.advance(10_000);
    busy.forEach((who, asked) -> assertThat(asked.codes).as("seed " + seed).hasSize(1));
    assertThat(new Mount(14).write(1).codes).as("seed " + seed).containsExactly(ErrorCode.OK);
  }

  private Asked act(
      Mount mount,
      long owner,
      String who,
      Random random,
      Map<String, Belief> beliefs,
      Map<ErrorCode, Integer> outcomes) {
    Asked asked = new Asked();
    LockSpec spec = new LockSpec(FILE, false, owner, 0, END, 1);
    LockAction[] actions = {LockAction.LOCK_READ, LockAction.LOCK_WRITE, LockAction.UNLOCK};
    LockAction action = beliefs.containsKey(who) ? LockAction.UNLOCK : actions[random.nextInt(2)];
    if (action == LockAction.UNLOCK) {
      beliefs.remove(who);
    }
    asked.operation =
        mount.locks.set(
            spec,
            action,
            random.nextBoolean(),
            1,
            code -> {
              asked.codes.add(code);
              outcomes.merge(code, 1, Integer::sum);
              if (code.isOk() && action != LockAction.UNLOCK) {
                boolean write = action == LockAction.LOCK_WRITE;
                beliefs.put(who, new Belief(mount.session, owner, write));
              }
            });
    return asked;
  }

  private static void check(long seed, int step, Map<String, Belief> beliefs) {
    boolean anyWrites = beliefs.values().stream().anyMatch(Belief::write);
    assertThat(!anyWrites || beliefs.size() == 1)
        .as("seed %d, step %d: %s", seed, step, beliefs)
        .isTrue();
  }
}
