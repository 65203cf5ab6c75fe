package io.lockstep.simulation.cluster;

import com.google.protobuf.InvalidProtocolBufferException;
import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.metadata.kv.MemoryKvStore;
import io.lockstep.metadata.raft.RaftEvents;
import io.lockstep.metadata.raft.ReplicatedLog;
import io.lockstep.simulation.world.SimHost;
import io.lockstep.wire.message.LogEntry;
import io.lockstep.wire.message.Reply;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;

/**
 * Confined to the thread of the simulation. The model of the replicated log and its store for one
 * run of a master: entries become durable in order, each is executed once, and a new run executes
 * all of them again before it leads. What was on its way at a crash is in the log or not, as chance
 * has it.
 */
public final class ModelLog implements ReplicatedLog {
  private static final long SYNC_NS = 400_000;
  private static final long ELECTION_NS = 200_000_000;

  /** What survives the master's crashes. */
  public static final class Disk {
    private final List<byte[]> entries = new ArrayList<>();
    private long syncNs = SYNC_NS;

    /** How long the sync of an entry takes from now on. */
    public void syncNs(long durationNs) {
      syncNs = durationNs;
    }

    public void heal() {
      syncNs = SYNC_NS;
    }

    public int size() {
      return entries.size();
    }
  }

  /** Immutable. An entry on its way. */
  private static final class Proposed {
    private final byte[] entry;
    private final Handler handler;

    Proposed(byte[] entry, Handler handler) {
      this.entry = entry;
      this.handler = handler;
    }
  }

  private final SimHost host;
  private final Random random;
  private final long cluster;
  private final Disk disk;
  private final RaftEvents events;
  private final MemoryKvStore store = new MemoryKvStore();
  private final Pins pins = new Pins();
  private final Deque<Proposed> underWay = new ArrayDeque<>();
  private long applied;
  private boolean begun;
  private boolean started;
  private boolean closed;
  private long lastNs;

  ModelLog(SimHost host, Random random, long cluster, Disk disk, RaftEvents events) {
    this.host = host;
    this.random = random;
    this.cluster = cluster;
    this.disk = disk;
    this.events = events;
    host.onCrash(this::onCrash);
  }

  private void onCrash() {
    int kept = underWay.isEmpty() ? 0 : random.nextInt(underWay.size() + 1);
    for (int i = 0; i < kept; i++) {
      disk.entries.add(underWay.poll().entry);
    }
    closed = true;
  }

  @Override
  public long cluster() {
    return cluster;
  }

  @Override
  public void start() {
    begun = true;
    host.after(
        0,
        "log",
        () -> {
          for (byte[] entry : List.copyOf(disk.entries)) {
            execute(entry);
          }
          host.after(
              ELECTION_NS,
              "election",
              () -> {
                started = true;
                events.onLeading();
              });
        });
  }

  /** Who reads the state in this run. */
  Pins pins() {
    return pins;
  }

  /** The state, also after the end of the run. */
  KvStore store() {
    return store;
  }

  private List<Reply> execute(byte[] bytes) {
    LogEntry entry = parse(bytes);
    applied++;
    List<Reply> replies;
    try (KvStore.Batch batch = store.begin()) {
      replies = events.apply(batch, entry, applied);
      batch.commit();
    }
    events.onApplied(entry, replies, applied);
    return replies;
  }

  private static LogEntry parse(byte[] bytes) {
    try {
      return LogEntry.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      throw Check.unreachable("an entry that we encoded does not decode: %s", e);
    }
  }

  @Override
  public KvStore.Snapshot snapshot() {
    return !begun || closed ? null : pins.pin(store.snapshot());
  }

  @Override
  public long appliedIndex() {
    return applied;
  }

  @Override
  public void propose(LogEntry entry, Handler handler) {
    if (closed) {
      handler.onFailed(ErrorCode.CLOSING, "the log is closed");
      return;
    }
    Check.that(started, "an entry is proposed before this master leads");
    underWay.add(new Proposed(entry.toByteArray(), handler));
    long syncNs = disk.syncNs / 2 + (long) (random.nextDouble() * disk.syncNs);
    long nowNs = host.nowNs();
    lastNs = Math.max(lastNs + 1, nowNs + syncNs);
    host.after(lastNs - nowNs, "log", this::land);
  }

  private void land() {
    if (closed) {
      return;
    }
    Proposed first = underWay.poll();
    disk.entries.add(first.entry);
    first.handler.onExecuted(execute(first.entry));
  }

  @Override
  public void close() {
    List<Proposed> left = List.copyOf(underWay);
    onCrash();
    underWay.clear();
    left.forEach(each -> each.handler.onFailed(ErrorCode.CLOSING, "the log is closed"));
  }
}
