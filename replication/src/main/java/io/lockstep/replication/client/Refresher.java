package io.lockstep.replication.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.RefreshInodes;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Confined to the replication agent. Tells the master size and times of files written here, many in
 * one message; one message at a time, so that an older size never comes after a newer one.
 */
final class Refresher {
  private static final int BATCH_MAX = 256;
  private static final long RETRY_NS = TimeUnit.MILLISECONDS.toNanos(200);

  private record Sent(LeasedInode inode, long version, List<Consumer<Boolean>> then) {}

  private final Engine engine;
  private final Map<LeasedInode, List<Consumer<Boolean>>> wanted = new LinkedHashMap<>();
  private boolean inFlight;

  Refresher(Engine engine) {
    this.engine = engine;
  }

  /** {@code then} gets true when the master knows all that was changed before this call. */
  void refresh(LeasedInode inode, Consumer<Boolean> then) {
    wanted.computeIfAbsent(inode, i -> new ArrayList<>()).add(then);
    pump();
  }

  private void pump() {
    while (!inFlight && !wanted.isEmpty()) {
      List<Sent> batch = new ArrayList<>();
      RefreshInodes.Builder body = RefreshInodes.newBuilder();
      for (LeasedInode inode : List.copyOf(wanted.keySet())) {
        if (batch.size() == BATCH_MAX) {
          break;
        }
        long version = inode.buffer().version();
        RefreshInodes.Update update = inode.buffer().untold(inode.inode());
        Sent sent = new Sent(inode, version, wanted.remove(inode));
        if (update == null) {
          sent.then.forEach(then -> then.accept(true));
        } else {
          body.addUpdates(update);
          batch.add(sent);
        }
      }
      if (!batch.isEmpty()) {
        inFlight = true;
        engine.counters.add(Counters.Phase.REFRESHES);
        send(
            Request.newBuilder().setRefreshInodes(body).build(),
            batch,
            engine.nowNs() + engine.times.operationNs());
      }
    }
  }

  private void send(Request request, List<Sent> batch, long deadlineNs) {
    long timeoutNs = Math.max(1, deadlineNs - engine.nowNs());
    engine.askMaster(request, timeoutNs, reply -> onAnswered(request, batch, deadlineNs, reply));
  }

  private void onAnswered(Request request, List<Sent> batch, long deadlineNs, Reply reply) {
    ErrorCode code = Replies.code(reply);
    if (code.advice() == ErrorCode.Advice.RETRY
        && deadlineNs - engine.nowNs() > RETRY_NS
        && !engine.isSessionEnded()) {
      engine.agent.schedule(RETRY_NS, () -> send(request, batch, deadlineNs));
      return;
    }
    inFlight = false;
    for (Sent sent : batch) {
      if (code.isOk()) {
        sent.inode.buffer().told(sent.version);
      }
      sent.then.forEach(then -> then.accept(code.isOk()));
    }
    pump();
  }
}
