package io.lockstep.replication.client;

import io.lockstep.core.Outcome;
import io.lockstep.core.SetConfig;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.GetSetConfigs;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetConfigMessage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongConsumer;

/**
 * Confined to the replication agent, but for {@link #view}. The newest configuration of each
 * replica set that this mount has heard of: from the session, by push, from a member's refusal, or
 * by asking the master.
 */
final class ConfigCache {
  private static final SetConfig UNKNOWN_CLOSED = new SetConfig(0, 0, 1, false, List.of());

  private final Engine engine;
  private final LongConsumer onChanged;
  private final Map<Long, SetView> views = new ConcurrentHashMap<>();
  private final Map<Long, List<Runnable>> waiting = new HashMap<>();
  private final TreeSet<Long> asking = new TreeSet<>();
  private boolean inFlight;

  /**
   * @param onChanged called with the set that has a newer configuration
   */
  ConfigCache(Engine engine, LongConsumer onChanged) {
    this.engine = engine;
    this.onChanged = onChanged;
  }

  /**
   * By any thread. The newest configuration; of a set never heard of, one at epoch 0 that is
   * closed.
   */
  SetView view(long set) {
    SetView view = views.get(set);
    return view == null ? new SetView(UNKNOWN_CLOSED, Map.of()) : view;
  }

  /** Takes a configuration that somebody sent; malformed ones are dropped. Null if malformed. */
  SetView learn(SetConfigMessage message) {
    SetView heard;
    try {
      heard = SetView.of(message);
    } catch (Outcome e) {
      return null;
    }
    long set = heard.config().set();
    SetView before = views.get(set);
    SetView after = before == null ? heard : before.merge(heard);
    views.put(set, after);
    if (before == null || after.config().epoch() > before.config().epoch()) {
      if (after.isIncomplete()) {
        fetch(set, () -> {});
      }
      onChanged.accept(set);
    }
    return after;
  }

  /** Somebody mentioned an epoch: asks if it is news. */
  void heardOf(long set, long epoch) {
    SetView view = views.get(set);
    if (view == null || view.config().epoch() < epoch) {
      fetch(set, () -> {});
    }
  }

  /** Asks the master; {@code then} runs when it answered or did not. */
  void fetch(long set, Runnable then) {
    waiting.computeIfAbsent(set, s -> new ArrayList<>()).add(then);
    asking.add(set);
    pump();
  }

  private void pump() {
    if (inFlight || asking.isEmpty()) {
      return;
    }
    List<Long> sets = List.copyOf(asking);
    asking.clear();
    List<Runnable> then = new ArrayList<>();
    sets.forEach(set -> then.addAll(waiting.remove(set)));
    inFlight = true;
    engine.askMaster(
        Request.newBuilder().setGetSetConfigs(GetSetConfigs.newBuilder().addAllSets(sets)).build(),
        engine.times.memberCallNs(),
        reply -> onFetched(reply, then));
  }

  private void onFetched(Reply reply, List<Runnable> then) {
    inFlight = false;
    if (Replies.isOk(reply)) {
      reply.getSetConfigs().getSetsList().forEach(this::learn);
    }
    then.forEach(Runnable::run);
    pump();
  }
}
