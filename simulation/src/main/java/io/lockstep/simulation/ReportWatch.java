package io.lockstep.simulation;

import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Outcome;
import io.lockstep.core.SetConfig;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.metadata.raft.ReplicatedLog;
import io.lockstep.simulation.cluster.Cluster;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.DaemonHeartbeat;
import io.lockstep.wire.message.LogEntry;
import io.lockstep.wire.message.LogOperation;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.function.BiConsumer;

/**
 * Confined to the thread of the simulation. P8, as seen from outside: no member is logged ERR while
 * the master hears it, if that leaves fewer in step than the set needs.
 *
 * <p>The master decides a little before it proposes, so a heartbeat counts that was answered a
 * second before that, and no longer ago than any clock makes it old.
 */
final class ReportWatch {
  private static final long DECIDED_NS = 1_000_000_000L;
  private static final long HEARD_NS = 2_500_000_000L;
  private static final int HEARTBEATS_MAX = 16;

  /** Immutable. One heartbeat. */
  private record Heard(int masterLife, long incarnation, long arrivedNs, long answeredNs) {}

  private final Cluster cluster;
  private final BiConsumer<String, String> violated;
  private final Map<UUID, Deque<Heard>> heard = new HashMap<>();

  /**
   * @param violated told the object and what is wrong with it
   */
  ReportWatch(Cluster cluster, BiConsumer<String, String> violated) {
    this.cluster = cluster;
    this.violated = violated;
  }

  /** The master answered it, and knows the daemon. */
  void onHeard(DaemonHeartbeat heartbeat, long arrivedNs) {
    Deque<Heard> all =
        heard.computeIfAbsent(Convert.uuid(heartbeat.getDaemon()), id -> new ArrayDeque<>());
    all.addLast(
        new Heard(
            cluster.master().host().life(),
            heartbeat.getIncarnation(),
            arrivedNs,
            cluster.time().nowNs()));
    if (all.size() > HEARTBEATS_MAX) {
      all.removeFirst();
    }
  }

  private boolean isHeard(Member member) {
    long nowNs = cluster.time().nowNs();
    return heard.getOrDefault(member.daemon(), new ArrayDeque<>()).stream()
        .anyMatch(
            each ->
                each.masterLife == cluster.master().host().life()
                    && each.incarnation == member.incarnation()
                    && each.answeredNs <= nowNs - DECIDED_NS
                    && each.arrivedNs >= nowNs - HEARD_NS);
  }

  private void onProposed(LogEntry entry) {
    SetConfig now = cluster.master().config();
    for (LogOperation operation : entry.getOperationsList()) {
      if (now != null && operation.hasChangeSet()) {
        long expected = operation.getChangeSet().getExpectedEpoch();
        SetConfig next = config(operation);
        if (now.epoch() == expected && now.open() && next.readers().size() < now.minReplicas()) {
          check(now, next);
        }
      }
    }
  }

  private static SetConfig config(LogOperation operation) {
    try {
      return Convert.config(operation.getChangeSet().getConfig());
    } catch (Outcome e) {
      throw new AssertionError(e);
    }
  }

  private void check(SetConfig now, SetConfig next) {
    for (Member member : now.readers()) {
      Member after = next.memberOn(member.daemon());
      if (after != null && after.mode() == MemberMode.ERR && isHeard(member)) {
        violated.accept(
            "member " + member.id(),
            "P8 is logged ERR, which leaves "
                + next.readers().size()
                + " of "
                + now.minReplicas()
                + ", while the master hears it");
      }
    }
  }

  /** Sees what the master proposes. */
  ReplicatedLog watching(ReplicatedLog log) {
    return new Watching(log);
  }

  private final class Watching implements ReplicatedLog {
    private final ReplicatedLog log;

    Watching(ReplicatedLog log) {
      this.log = log;
    }

    @Override
    public void propose(LogEntry entry, Handler handler) {
      onProposed(entry);
      log.propose(entry, handler);
    }

    @Override
    public KvStore.Snapshot snapshot() {
      return log.snapshot();
    }

    @Override
    public long cluster() {
      return log.cluster();
    }

    @Override
    public void start() throws IOException {
      log.start();
    }

    @Override
    public long appliedIndex() {
      return log.appliedIndex();
    }

    @Override
    public void close() throws IOException {
      log.close();
    }
  }
}
