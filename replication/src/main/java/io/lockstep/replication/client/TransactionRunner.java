package io.lockstep.replication.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.SetConfig;
import io.lockstep.replication.transaction.Effect;
import io.lockstep.replication.transaction.Transaction;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.ReportMember;
import io.lockstep.wire.message.Request;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Confined to the replication agent. Carries one {@link Transaction} out: sends, reports, fetches,
 * and ends it at its deadline.
 */
final class TransactionRunner {
  /** What is sent to a member; the epoch and the absent members change with the configuration. */
  interface Message {
    Request request(long epoch, List<Integer> absent);
  }

  private static final long PAUSE_MIN_NS = TimeUnit.MILLISECONDS.toNanos(20);
  private static final long PAUSE_MAX_NS = TimeUnit.MILLISECONDS.toNanos(500);

  private final Engine engine;
  private final ConfigCache configs;
  private final long set;
  private final Message message;
  private final Payload payload;
  private final Consumer<Effect.Done> onDone;
  private final Transaction transaction;
  private final long deadlineNs;
  private final ArrayDeque<List<Effect>> effects = new ArrayDeque<>();
  private boolean running;
  private long pauseNs = PAUSE_MIN_NS;

  /**
   * @param pinned whether it is for the members as they are now; see {@link Transaction#pinnedTo}
   * @param payload stays the caller's, who keeps it until the transaction is done
   */
  TransactionRunner(
      Engine engine,
      long set,
      boolean pinned,
      Message message,
      Payload payload,
      Consumer<Effect.Done> onDone) {
    this.engine = engine;
    this.configs = engine.configs;
    this.set = set;
    this.message = message;
    this.payload = payload;
    this.onDone = onDone;
    this.deadlineNs = engine.nowNs() + engine.times.operationNs();
    SetConfig config = configs.view(set).config();
    this.transaction = pinned ? Transaction.pinnedTo(config) : new Transaction(config);
  }

  void start() {
    run(transaction.begin());
  }

  /** A set has a newer configuration. */
  void onConfig(long changedSet) {
    if (changedSet == set) {
      onConfig();
    }
  }

  private void onConfig() {
    run(transaction.onConfig(configs.view(set).config()));
  }

  private void run(List<Effect> next) {
    effects.add(next);
    if (running) {
      return;
    }
    running = true;
    while (!effects.isEmpty()) {
      for (Effect effect : effects.poll()) {
        execute(effect);
      }
    }
    running = false;
  }

  private void execute(Effect effect) {
    if (effect instanceof Effect.Send send) {
      send(send);
    } else if (effect instanceof Effect.Report report) {
      report(report);
    } else if (effect instanceof Effect.FetchConfig) {
      configs.fetch(set, this::onConfig);
    } else if (effect instanceof Effect.Pause pause) {
      pause(pause.pause());
    } else if (effect instanceof Effect.Done done) {
      onDone.accept(done);
    }
  }

  private void send(Effect.Send send) {
    engine.callMember(
        configs.view(set).address(send.member()),
        message.request(send.epoch(), send.absent()),
        payload,
        (reply, replyPayload) -> {
          replyPayload.release();
          engine.onAgent(() -> onReply(send, reply));
        });
  }

  private void onReply(Effect.Send send, Reply reply) {
    SetConfig newer = null;
    if (reply.hasConfig() && reply.getConfig().getSet() == set) {
      SetView view = configs.learn(reply.getConfig());
      newer = view == null ? null : view.config();
    }
    run(transaction.onReply(send.round(), send.member(), codeOf(reply), newer));
  }

  /** An object that could not be synced is a failure of that member. */
  private static ErrorCode codeOf(Reply reply) {
    if (Replies.isOk(reply) && reply.getSyncObjects().getFailuresCount() > 0) {
      boolean onlyGone =
          reply.getSyncObjects().getFailuresList().stream()
              .map(failure -> ErrorCode.ofNumber(failure.getCode()))
              .allMatch(code -> code == ErrorCode.OBJECT_DELETED || code == ErrorCode.NOT_FOUND);
      return onlyGone ? ErrorCode.OK : ErrorCode.IO_ERROR;
    }
    return Replies.code(reply);
  }

  private void report(Effect.Report report) {
    engine.counters.add(Counters.Phase.REPORTS);
    ReportMember body =
        ReportMember.newBuilder()
            .setSet(set)
            .setEpoch(report.epoch())
            .setMember(report.member())
            .setIncarnation(report.incarnation())
            .setCode(report.code().number())
            .setReason(report.code().name())
            .build();
    engine.askMaster(
        Request.newBuilder().setReportMember(body).build(),
        Math.max(1, Math.min(engine.times.memberCallNs(), deadlineNs - engine.nowNs())),
        reply -> onReportAnswered(report.member(), reply));
  }

  private void onReportAnswered(int member, Reply reply) {
    reply.getSetConfigs().getSetsList().forEach(configs::learn);
    SetConfig newest = configs.view(set).config();
    run(transaction.onReportAnswered(member, Replies.code(reply), newest));
  }

  private void pause(int pause) {
    long leftNs = deadlineNs - engine.nowNs();
    if (leftNs <= 0) {
      run(transaction.onDeadline());
      return;
    }
    engine.agent.schedule(Math.min(pauseNs, leftNs), () -> run(transaction.onPause(pause)));
    pauseNs = Math.min(2 * pauseNs, PAUSE_MAX_NS);
  }
}
