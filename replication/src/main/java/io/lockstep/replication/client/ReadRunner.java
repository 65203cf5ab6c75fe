package io.lockstep.replication.client;

import io.lockstep.core.Agent;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.ObjectContext;
import io.lockstep.wire.message.ReadObject;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;

/**
 * Confined to the replication agent. Reads a range from one RW member (I4): the one with the least
 * outstanding, another if it fails, one more at the same time if it is slow.
 */
final class ReadRunner {
  private static final long HEDGE_NS = TimeUnit.MILLISECONDS.toNanos(300);
  private static final long PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(50);
  private static final int ROUNDS_MAX = 3;

  private final Engine engine;
  private final long set;
  private final long inode;
  private final long offset;
  private final int length;
  private final long epochMin;
  private final long deadlineNs;
  private final BiConsumer<ErrorCode, Payload> onDone;
  private final Set<Integer> tried = new HashSet<>();
  private Agent.Timer hedge;
  private int outstanding;
  private int rounds;
  private boolean refused;
  private boolean done;
  private ErrorCode lastFailure = ErrorCode.IO_ERROR;

  /**
   * @param epochMin of the lease: an older configuration does not say who may be asked
   * @param onDone owns the payload; called on the agent
   */
  ReadRunner(
      Engine engine,
      LeasedInode of,
      long offset,
      int length,
      long epochMin,
      BiConsumer<ErrorCode, Payload> onDone) {
    this.engine = engine;
    this.set = of.set();
    this.inode = of.inode();
    this.offset = offset;
    this.length = length;
    this.epochMin = epochMin;
    this.deadlineNs = engine.nowNs() + engine.times.operationNs();
    this.onDone = onDone;
  }

  void start() {
    if (done) {
      return;
    }
    SetView view = engine.configs.view(set);
    if (view.config().epoch() < epochMin || !view.config().open()) {
      refused = true;
      nextRound();
      return;
    }
    Member member = leastLoaded(view);
    if (member != null) {
      ask(view, member);
    } else if (outstanding == 0) {
      nextRound();
    }
  }

  private Member leastLoaded(SetView view) {
    Member best = null;
    int bestLoad = Integer.MAX_VALUE;
    for (Member member : view.config().readers()) {
      int load = engine.load(view.address(member.id()));
      if (!tried.contains(member.id()) && load < bestLoad) {
        best = member;
        bestLoad = load;
      }
    }
    return best;
  }

  private void ask(SetView view, Member member) {
    tried.add(member.id());
    outstanding++;
    String address = view.address(member.id());
    engine.addLoad(address, 1);
    ReadObject body =
        ReadObject.newBuilder()
            .setContext(
                ObjectContext.newBuilder()
                    .setSet(set)
                    .setInode(inode)
                    .setEpoch(view.config().epoch()))
            .setOffset(offset)
            .setLength(length)
            .build();
    engine.callMember(
        address,
        Request.newBuilder().setReadObject(body).build(),
        Payload.EMPTY,
        (reply, payload) -> engine.onAgent(() -> onReply(address, reply, payload)));
    hedge = engine.agent.schedule(HEDGE_NS, this::maybeHedge);
  }

  private void maybeHedge() {
    if (!done && outstanding == 1) {
      SetView view = engine.configs.view(set);
      Member other = view.config().open() ? leastLoaded(view) : null;
      if (other != null) {
        ask(view, other);
      }
    }
  }

  private void onReply(String address, Reply reply, Payload payload) {
    outstanding--;
    engine.addLoad(address, -1);
    if (reply.hasConfig() && reply.getConfig().getSet() == set) {
      engine.configs.learn(reply.getConfig());
    }
    ErrorCode code = Replies.code(reply);
    if (done) {
      payload.release();
      return;
    }
    if (code.isOk()) {
      end(code, payload);
      return;
    }
    payload.release();
    switch (code) {
      case OBJECT_DELETED, BAD_REQUEST, INVALID_ARGUMENT -> end(code, Payload.EMPTY);
      case NOT_READABLE, STALE_EPOCH, SET_CLOSED, BUSY, NO_REPLICA, CLOSING -> {
        refused = true;
        start();
      }
      default -> {
        lastFailure = code;
        start();
      }
    }
  }

  /** All were asked. Refusals are worth another try until the deadline, failures a few. */
  private void nextRound() {
    rounds++;
    boolean hopeless = !refused && rounds >= ROUNDS_MAX;
    if (hopeless || deadlineNs - engine.nowNs() <= PAUSE_NS) {
      end(refused ? ErrorCode.TIMED_OUT : lastFailure, Payload.EMPTY);
      return;
    }
    refused = false;
    tried.clear();
    engine.configs.fetch(set, () -> engine.agent.schedule(PAUSE_NS, this::start));
  }

  private void end(ErrorCode code, Payload payload) {
    done = true;
    if (hedge != null) {
      hedge.cancel();
    }
    onDone.accept(code, payload);
  }
}
