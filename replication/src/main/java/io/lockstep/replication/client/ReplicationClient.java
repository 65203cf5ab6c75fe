package io.lockstep.replication.client;

import io.lockstep.core.Agent;
import io.lockstep.core.Outcome;
import io.lockstep.core.SetConfig;
import io.lockstep.core.Times;
import io.lockstep.replication.eagerlock.Mode;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.SessionEvents;
import io.lockstep.wire.message.AnswerQuery;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.DumpLocksReply;
import io.lockstep.wire.message.EagerLockRow;
import io.lockstep.wire.message.LeaseCleared;
import io.lockstep.wire.message.LeaseGrant;
import io.lockstep.wire.message.LeaseMode;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.QueryLease;
import io.lockstep.wire.message.RecallLease;
import io.lockstep.wire.message.RecallNotMine;
import io.lockstep.wire.message.ReleaseLease;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SessionReply;
import io.lockstep.wire.message.SetAttributes;
import io.lockstep.wire.message.SetEpoch;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Guarded by its agent, and by the concurrent map of its files. The files of one mount: leases,
 * write-back, transactions to the members, post-ops.
 *
 * <p>Lease clock (P13): all leases live until {@code sent + holderLife} of the last renewal that
 * was answered. At half of that without another, everything buffered is sent; at the end the leases
 * are lost and what is left is dropped with EIO.
 */
public final class ReplicationClient implements SessionEvents, AutoCloseable {
  private static final long TICK_NS = TimeUnit.MILLISECONDS.toNanos(100);

  /** Of all inodes; those with operations are looked at each tick. */
  private static final long SWEEP_NS = TimeUnit.SECONDS.toNanos(1);

  private static final long CLOSE_STEP_NS = TimeUnit.MILLISECONDS.toNanos(20);
  private static final long CLOSE_NS = TimeUnit.SECONDS.toNanos(12);

  /** A file and how many have it open; immutable, replaced within the map. */
  private record Entry(InodeContent content, int users) {}

  private final Engine engine;
  private final ConcurrentHashMap<Long, Entry> entries = new ConcurrentHashMap<>();
  private volatile CacheDropper dropper = CacheDropper.NONE;

  private final Rides rides = new Rides();

  /** The newest term of lockd that was heard of. */
  private long term;

  /** When all inodes were looked at last. */
  private long sweptNs;

  private volatile boolean closed;

  /**
   * @param master the client's way to the master and lockd; it numbers mutations and retries
   * @param agent for this client alone
   */
  public ReplicationClient(
      Peer master,
      PeerDirectory peers,
      Agent agent,
      Times times,
      ClientOptions options,
      SessionReply session) {
    this(master, peers, agent, times, options, session, Waits.PARK);
  }

  /**
   * @param waits how callers' threads wait; tests on virtual time bring their own
   */
  public ReplicationClient(
      Peer master,
      PeerDirectory peers,
      Agent agent,
      Times times,
      ClientOptions options,
      SessionReply session,
      Waits waits) {
    this(master, peers, agent, times, options, session, waits, LockSeam.PRODUCTION);
  }

  /**
   * @param lockSeam for reproductions
   */
  public ReplicationClient(
      Peer master,
      PeerDirectory peers,
      Agent agent,
      Times times,
      ClientOptions options,
      SessionReply session,
      Waits waits,
      LockSeam lockSeam) {
    this.engine =
        new Engine(
            master, peers, agent, times, options, waits, lockSeam, set -> onConfigChanged(set));
    begin(session);
    engine.onAgent(this::tick);
  }

  /**
   * Who keeps attributes as the master told them, and has to ask anew: the size and times that this
   * mount had for a file are the master's from now on.
   *
   * @param listener called on the agent, before {@link #overlay} stops to show them; set before the
   *     first open
   */
  public void attributesListener(LongConsumer listener) {
    engine.attributesListener = listener;
  }

  /** What drops the kernel's pages before a lease goes; set before the first open. */
  public void cacheDropper(CacheDropper newDropper) {
    dropper = newDropper;
  }

  /**
   * The file, one more user of it; the same object for the same inode as long as it has users. Each
   * open is ended by one {@link FileContent#close}.
   */
  public FileContent open(Attributes attributes) {
    return entries.compute(
            attributes.getInode(),
            (inode, entry) ->
                entry == null
                    ? new Entry(create(inode, attributes.getSet()), 1)
                    : new Entry(entry.content, entry.users + 1))
        .content;
  }

  /**
   * A lease to propose with a request that makes or opens a file; null if it would be of no use.
   *
   * @param inode 0 = it is to be made
   */
  public @Nullable LeaseProposal propose(long inode, LeaseMode mode) {
    boolean known = inode != 0 && entries.containsKey(inode);
    return known || !engine.isLeaseValid() ? null : rides.propose(mode);
  }

  /** The request with the proposal has failed. */
  public void withdraw(LeaseProposal proposal) {
    rides.take(proposal, 0);
  }

  /**
   * As {@link #open(Attributes)}, with the lease that came along.
   *
   * @param grant the default instance if none did
   */
  public FileContent open(Attributes attributes, LeaseProposal proposal, LeaseGrant grant) {
    FileContent content = open(attributes);
    Entry entry = entries.get(attributes.getInode());
    engine.onAgent(() -> onRidden(entry.content.leased(), proposal, grant));
    return content;
  }

  private void onRidden(LeasedInode inode, LeaseProposal proposal, LeaseGrant grant) {
    boolean good = rides.take(proposal, inode.inode());
    if (!grant.hasAttributes()) {
      return;
    }
    Mode mode = proposal.mode() == LeaseMode.EXCLUSIVE ? Mode.EXCLUSIVE : Mode.SHARED;
    boolean taken = good && engine.isLeaseValid() && inode.onRidden(proposal.lease(), mode, grant);
    if (taken) {
      engine.counters.add(Counters.Phase.LEASES_RIDDEN);
    } else {
      // Nothing was done under it.
      engine.leases.release(inode, proposal.lease(), true);
    }
  }

  private InodeContent create(long inode, long set) {
    LeasedInode leased =
        new LeasedInode(
            engine,
            inode,
            set,
            (of, waiting, dropped) -> dropper.drop(of, waiting, dropped),
            rides.base());
    return new InodeContent(engine, leased, () -> release(inode));
  }

  private void release(long inode) {
    entries.computeIfPresent(inode, (i, entry) -> new Entry(entry.content, entry.users - 1));
  }

  /** {@code fromMaster} with size and times of what this mount wrote. Never blocks. */
  public Attributes overlay(Attributes fromMaster) {
    Entry entry = entries.get(fromMaster.getInode());
    return entry == null ? fromMaster : entry.content.attributes(fromMaster);
  }

  /** setattr of a regular file that need not be open; blocks as {@link FileContent} does. */
  public Attributes setAttributes(Attributes file, SetAttributes request) throws Outcome {
    FileContent content = open(file);
    try {
      return content.setAttributes(request, content.newDescriptor(false));
    } finally {
      release(file.getInode());
    }
  }

  /** How often each phase was done since the start, by name. */
  public Map<String, Long> counters() {
    return engine.counters.snapshot();
  }

  /** By any thread. For people: each eager lock that is not idle; the answer comes on the agent. */
  public void dump(Consumer<DumpLocksReply.Builder> onDump) {
    engine.onAgent(
        () -> {
          DumpLocksReply.Builder dump = DumpLocksReply.newBuilder();
          entries.forEach(
              (inode, entry) -> {
                EagerLockRow row = entry.content.leased().row();
                if (row != null) {
                  dump.addRows(row.toBuilder().setDescriptors(entry.users));
                }
              });
          onDump.accept(dump.putAllCounters(counters()));
        });
  }

  // ---- session

  private void begin(SessionReply session) {
    // It is not known when the master began to count; half of the life is surely right, and the
    // first renewal follows within a second.
    engine.leaseUntilNs(engine.nowNs() + engine.times.holderLifeNs() / 2);
    engine.onAgent(() -> session.getSetsList().forEach(engine.configs::learn));
  }

  /** A new session in place of one that ended: files can be used again. */
  public void onSessionReopened(SessionReply session) {
    engine.onAgent(
        () -> {
          rides.end();
          forEach(LeasedInode::onLeaseLost);
          engine.sessionEnded(false);
          begin(session);
        });
  }

  @Override
  public void onRenewed(long sentNs, long lockdTerm, List<SetEpoch> epochs) {
    long untilNs = sentNs + engine.times.holderLifeNs();
    boolean extended = engine.isLeaseValid();
    if (extended && untilNs - engine.leaseUntilNs() > 0) {
      engine.leaseUntilNs(untilNs);
    }
    engine.onAgent(
        () -> {
          if (!extended) {
            rides.end();
            // Leases that passed their deadline stay lost, whatever comes later (P5).
            forEach(LeasedInode::onLeaseLost);
            engine.leaseUntilNs(untilNs);
          }
          epochs.forEach(epoch -> engine.configs.heardOf(epoch.getSet(), epoch.getEpoch()));
          if (lockdTerm != term) {
            term = lockdTerm;
            rides.end();
          }
          engine.leases.onTerm(lockdTerm, this::leased);
        });
  }

  @Override
  public void onSessionEnded(String reason) {
    engine.sessionEnded(true);
    rides.end();
    engine.onAgent(() -> forEach(LeasedInode::onLeaseLost));
  }

  @Override
  public void onPush(Push push) {
    engine.onAgent(
        () -> {
          switch (push.getBodyCase()) {
            case RECALL_LEASE -> onRecall(push.getRecallLease());
            case QUERY_LEASE -> onQuery(push.getQueryLease());
            case LEASE_CLEARED -> onCleared(push.getLeaseCleared());
            case SET_CONFIG -> engine.configs.learn(push.getSetConfig());
            case LOCK_SETTLED, LOCKS_LOST, RECALL_NAMES, BODY_NOT_SET -> {}
          }
        });
  }

  private void onRecall(RecallLease recall) {
    Entry entry = entries.get(recall.getInode());
    if (entry != null && entry.content.leased().onRecall(recall.getLease())) {
      return;
    }
    if (rides.onRecall(recall.getInode(), recall.getLease())) {
      // It is on its way here: nothing was done under it, and nothing will be.
      ReleaseLease release =
          ReleaseLease.newBuilder()
              .setInode(recall.getInode())
              .setLease(recall.getLease())
              .setClean(true)
              .build();
      tell(Request.newBuilder().setReleaseLease(release).build());
      return;
    }
    tellNotMine(recall.getInode(), recall.getLease());
  }

  private void onCleared(LeaseCleared cleared) {
    Entry entry = entries.get(cleared.getInode());
    Runnable know = () -> tellNotMine(cleared.getInode(), cleared.getLease());
    if (entry == null) {
      know.run();
    } else {
      entry.content.leased().onCleared(cleared.getLease(), know);
    }
  }

  private void tellNotMine(long inode, long lease) {
    RecallNotMine notMine = RecallNotMine.newBuilder().setInode(inode).setLease(lease).build();
    tell(Request.newBuilder().setRecallNotMine(notMine).build());
  }

  private void onQuery(QueryLease query) {
    AnswerQuery answer =
        AnswerQuery.newBuilder()
            .setInode(query.getInode())
            .setLease(query.getLease())
            .setQuery(query.getQuery())
            .build();
    Runnable reply = () -> tell(Request.newBuilder().setAnswerQuery(answer).build());
    Entry entry = entries.get(query.getInode());
    if (entry == null) {
      reply.run();
    } else {
      entry.content.leased().onQuery(reply);
    }
  }

  /** lockd repeats what it needs, so an answer may get lost. */
  private void tell(Request request) {
    engine.askMaster(request, engine.times.memberCallNs(), reply -> {});
  }

  private void onConfigChanged(long set) {
    SetConfig config = engine.configs.view(set).config();
    forEach(
        inode -> {
          if (inode.set() == set) {
            inode.onConfigChanged(config);
          }
        });
  }

  // ---- time

  private void tick() {
    if (closed) {
      return;
    }
    engine.agent.schedule(TICK_NS, this::tick);
    long nowNs = engine.nowNs();
    long leftNs = engine.leaseUntilNs() - nowNs;
    boolean stale = leftNs <= engine.times.holderLifeNs() / 2;
    if (stale || nowNs - sweptNs >= SWEEP_NS) {
      sweptNs = nowNs;
      entries.values().forEach(entry -> sweep(entry, leftNs));
    }
    for (LeasedInode inode : List.copyOf(engine.busy)) {
      if (inode.isBusy()) {
        inode.onTick(nowNs);
      } else {
        engine.busy.remove(inode);
      }
    }
    engine.postOps.onTick(false);
  }

  private void sweep(Entry entry, long leftNs) {
    LeasedInode inode = entry.content.leased();
    if (leftNs <= 0) {
      inode.onLeaseLost();
    } else if (leftNs <= engine.times.holderLifeNs() / 2) {
      inode.writeBack().flushAll();
    }
    if (entry.users == 0 && inode.isIdle()) {
      forget(inode);
    }
  }

  private void forget(LeasedInode inode) {
    entries.computeIfPresent(
        inode.inode(),
        (id, entry) -> {
          if (entry.users > 0) {
            return entry;
          }
          rides.raise(inode.lastLease());
          engine.attributesListener.accept(id);
          return null;
        });
  }

  private List<LeasedInode> leased() {
    return entries.values().stream().map(entry -> entry.content.leased()).toList();
  }

  private void forEach(Consumer<LeasedInode> action) {
    leased().forEach(action);
  }

  // ---- end

  /**
   * Writes back, clears marks and releases leases, as far as that is possible within a deadline.
   */
  @Override
  public void close() {
    CompletableFuture<Void> done = new CompletableFuture<>();
    engine.onAgent(() -> closeStep(done));
    engine.waits.await(done, CLOSE_NS);
    closed = true;
    done.complete(null);
    engine.onAgent(() -> forEach(inode -> inode.writeBack().drop()));
  }

  private void closeStep(CompletableFuture<Void> done) {
    if (done.isDone()) {
      return;
    }
    List<LeasedInode> inodes = leased();
    if (engine.isSessionEnded()
        || (engine.postOps.isIdle() && inodes.stream().allMatch(LeasedInode::isIdle))) {
      done.complete(null);
      return;
    }
    inodes.forEach(LeasedInode::letGo);
    engine.postOps.onTick(true);
    engine.agent.schedule(CLOSE_STEP_NS, () -> closeStep(done));
  }
}
