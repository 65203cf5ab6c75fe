package io.lockstep.replication.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.GetSetConfigs;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetConfigMessage;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the control agent. The adopted configuration of each replica: durable before it
 * counts, and confirmed only when nothing that followed an older one is under way (P9). Requests
 * that know a newer epoch wait here, bounded in number and time, until it is fetched (I4).
 */
final class ConfigKeeper {
  /** Told of every change of a replica's configuration. */
  interface Listener {
    void onAdopted(Replica replica, Replica.View view);
  }

  private static final Logger LOG = LoggerFactory.getLogger(ConfigKeeper.class);
  private static final int WAITING_MAX = 4096;
  private static final long REFETCH_NS = 50_000_000L;

  private record Waiting(long epoch, long deadlineNs, Runnable onKnown, Runnable onLate) {}

  private final DaemonContext context;
  private final MasterLink master;
  private final Listener listener;
  private final Map<Long, ArrayDeque<Waiting>> waiting = new HashMap<>();
  private final Map<Long, Boolean> fetching = new HashMap<>();
  private int waitingCount;

  ConfigKeeper(DaemonContext context, MasterLink master, Listener listener) {
    this.context = context;
    this.master = master;
    this.listener = listener;
  }

  /**
   * Adopts a configuration unless the own one is newer. {@code onDone} is called on any agent, with
   * OK once older epochs are refused and nothing of them is under way.
   */
  void adopt(SetConfigMessage message, BiConsumer<ErrorCode, String> onDone) {
    Replica replica = context.replicas().get(message.getSet());
    if (replica == null) {
      onDone.accept(ErrorCode.NO_REPLICA, "no replica of this set is here");
      return;
    }
    try {
      adoptNow(replica, message);
    } catch (Outcome e) {
      onDone.accept(e.code(), e.getMessage());
      return;
    } catch (IOException e) {
      onDone.accept(ErrorCode.IO_ERROR, e.getMessage());
      return;
    }
    long set = replica.set;
    long epoch = replica.view().epoch();
    Fence.run(
        context,
        disk -> disk.table().forgetTaken(set, epoch),
        () -> onDone.accept(ErrorCode.OK, ""));
  }

  private void adoptNow(Replica replica, SetConfigMessage message) throws Outcome, IOException {
    Replica.View own = replica.view();
    int order = Long.compareUnsigned(message.getEpoch(), own.epoch());
    if (order < 0 || message.equals(own.message())) {
      return;
    }
    Replica.View adopted =
        Replica.View.of(message, context.data().daemon(), context.data().incarnation());
    context.db().putConfig(message);
    replica.become(adopted);
    if (order > 0) {
      LOG.info(
          "set {}: epoch {}, {} here, {}, members {}",
          Long.toHexString(replica.set),
          adopted.epoch(),
          adopted.mode() == null ? "not in step" : adopted.mode(),
          adopted.config().open() ? "open" : "closed",
          members(adopted));
    }
    listener.onAdopted(replica, adopted);
    wake(replica.set);
  }

  private static String members(Replica.View view) {
    List<String> members = new ArrayList<>();
    view.config().members().forEach(m -> members.add(m.id() + "=" + m.mode()));
    return String.join(" ", members);
  }

  /** A peer follows a newer configuration: get it, then go on, or fail when it is too late. */
  void await(long set, long epoch, long deadlineNs, Runnable onKnown, Runnable onLate) {
    Replica replica = context.replicas().get(set);
    if (replica != null && Long.compareUnsigned(replica.view().epoch(), epoch) >= 0) {
      onKnown.run();
      return;
    }
    if (replica == null || waitingCount >= WAITING_MAX) {
      onLate.run();
      return;
    }
    waitingCount++;
    waiting
        .computeIfAbsent(set, s -> new ArrayDeque<>())
        .add(new Waiting(epoch, deadlineNs, onKnown, onLate));
    fetch(set);
  }

  /** The master may know a newer one. */
  void onEpochHeard(long set, long epoch) {
    Replica replica = context.replicas().get(set);
    if (replica != null && Long.compareUnsigned(epoch, replica.view().epoch()) > 0) {
      fetch(set);
    }
  }

  private void fetch(long set) {
    if (fetching.putIfAbsent(set, true) != null) {
      return;
    }
    master.ask(
        Request.newBuilder().setGetSetConfigs(GetSetConfigs.newBuilder().addSets(set)).build(),
        reply -> onFetched(set, reply));
  }

  private void onFetched(long set, Reply reply) {
    fetching.remove(set);
    if (Replies.isOk(reply)) {
      for (SetConfigMessage config : reply.getSetConfigs().getSetsList()) {
        adopt(config, (code, message) -> {});
      }
    }
    dropLate(set);
    if (waiting.containsKey(set)) {
      // The master has not logged yet what the peer has heard, or does not answer.
      context.control().schedule(REFETCH_NS, () -> refetch(set));
    }
  }

  private void refetch(long set) {
    dropLate(set);
    if (waiting.containsKey(set)) {
      fetch(set);
    }
  }

  private void wake(long set) {
    Replica replica = context.replicas().get(set);
    ArrayDeque<Waiting> all = waiting.get(set);
    if (all == null || replica == null) {
      return;
    }
    List<Waiting> known = new ArrayList<>();
    for (Iterator<Waiting> each = all.iterator(); each.hasNext(); ) {
      Waiting one = each.next();
      if (Long.compareUnsigned(one.epoch(), replica.view().epoch()) <= 0) {
        each.remove();
        waitingCount--;
        known.add(one);
      }
    }
    if (all.isEmpty()) {
      waiting.remove(set);
    }
    known.forEach(one -> one.onKnown().run());
  }

  private void dropLate(long set) {
    ArrayDeque<Waiting> all = waiting.get(set);
    if (all == null) {
      return;
    }
    long nowNs = context.nowNs();
    List<Waiting> late = new ArrayList<>();
    for (Iterator<Waiting> each = all.iterator(); each.hasNext(); ) {
      Waiting one = each.next();
      if (nowNs - one.deadlineNs() > 0) {
        each.remove();
        waitingCount--;
        late.add(one);
      }
    }
    if (all.isEmpty()) {
      waiting.remove(set);
    }
    late.forEach(one -> one.onLate().run());
  }
}
