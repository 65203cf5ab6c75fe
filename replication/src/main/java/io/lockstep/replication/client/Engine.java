package io.lockstep.replication.client;

import io.lockstep.core.Agent;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Times;
import io.lockstep.replication.transaction.Effect;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/**
 * Confined to the replication agent, but for what says otherwise. What the parts of the client
 * share: the ports, the lease clock, ids of operations.
 */
final class Engine {
  final Peer master;
  final PeerDirectory peers;
  final Agent agent;
  final Times times;
  final ClientOptions options;
  final Waits waits;
  final LockSeam lockSeam;
  final BufferBudget budget;
  final Counters counters = new Counters();
  final ConfigCache configs;
  final LeaseChannel leases;
  final Refresher refresher;
  final PostOpBatcher postOps;
  final FlushSlots flushSlots;

  /** Transactions on their way, to be told of configurations. */
  private final Set<TransactionRunner> running = new LinkedHashSet<>();

  /** Inodes with operations, or that had some at the last tick. */
  final Set<LeasedInode> busy = new LinkedHashSet<>();

  /** Outstanding reads by address. */
  private final Map<String, AtomicInteger> loads = new ConcurrentHashMap<>();

  private final AtomicLong lastTx = new AtomicLong();

  volatile LongConsumer attributesListener = inode -> {};

  /** All leases are valid until then (P13): from sending the last renewal that was answered. */
  private volatile long leaseUntilNs;

  private volatile boolean sessionEnded;

  Engine(
      Peer master,
      PeerDirectory peers,
      Agent agent,
      Times times,
      ClientOptions options,
      Waits waits,
      LockSeam lockSeam,
      LongConsumer onConfigChanged) {
    this.master = master;
    this.peers = peers;
    this.agent = agent;
    this.times = times;
    this.options = options;
    this.waits = waits;
    this.lockSeam = lockSeam;
    this.budget = new BufferBudget(options.bufferBytesMax(), waits);
    this.configs =
        new ConfigCache(
            this,
            set -> {
              List.copyOf(running).forEach(transaction -> transaction.onConfig(set));
              onConfigChanged.accept(set);
            });
    this.leases = new LeaseChannel(this);
    this.refresher = new Refresher(this);
    this.postOps = new PostOpBatcher(this);
    this.flushSlots = new FlushSlots(options.flushesInFlightMax());
  }

  long nowNs() {
    return agent.clock().nowNs();
  }

  /** Of an operation that begins now. */
  long operationDeadlineNs() {
    return nowNs() + times.operationNs();
  }

  long wallTimeNs() {
    return agent.clock().wallTimeNs();
  }

  /** By any thread. */
  long newTx() {
    return lastTx.incrementAndGet();
  }

  void leaseUntilNs(long untilNs) {
    leaseUntilNs = untilNs;
  }

  long leaseUntilNs() {
    return leaseUntilNs;
  }

  /** By any thread: whether a lease that is held is still ours. */
  boolean isLeaseValid() {
    return !sessionEnded && leaseUntilNs - nowNs() > 0;
  }

  void sessionEnded(boolean ended) {
    sessionEnded = ended;
  }

  boolean isSessionEnded() {
    return sessionEnded;
  }

  /** By any thread. */
  int load(String address) {
    AtomicInteger load = loads.get(address);
    return load == null ? 0 : load.get();
  }

  /** By any thread. */
  void addLoad(String address, int change) {
    loads.computeIfAbsent(address, a -> new AtomicInteger()).addAndGet(change);
  }

  /**
   * Runs a transaction on the set; {@code onDone} comes on the agent, possibly before this returns.
   */
  void transact(
      long set, TransactionRunner.Message message, Payload payload, Consumer<Effect.Done> onDone) {
    run(set, false, message, payload, onDone);
  }

  /**
   * Runs a transaction for the members as they are at {@code epoch}; it ends with STALE_EPOCH as
   * soon as there is a newer one.
   */
  void transactAt(
      long set, long epoch, TransactionRunner.Message message, Consumer<Effect.Done> onDone) {
    if (configs.view(set).config().epoch() == epoch) {
      run(set, true, message, Payload.EMPTY, onDone);
    } else {
      onDone.accept(new Effect.Done(ErrorCode.STALE_EPOCH, false, false, epoch, List.of()));
    }
  }

  private void run(
      long set,
      boolean pinned,
      TransactionRunner.Message message,
      Payload payload,
      Consumer<Effect.Done> onDone) {
    TransactionRunner[] runner = new TransactionRunner[1];
    runner[0] =
        new TransactionRunner(
            this,
            set,
            pinned,
            message,
            payload,
            done -> {
              running.remove(runner[0]);
              onDone.accept(done);
            });
    running.add(runner[0]);
    runner[0].start();
  }

  /** By any thread. Answers must not get lost, so a full inbox is passed by. */
  void onAgent(Runnable task) {
    if (!agent.execute(task)) {
      agent.schedule(0, task);
    }
  }

  /** The answer comes on the agent. */
  void askMaster(Request request, long timeoutNs, Consumer<Reply> onReply) {
    master.call(
        request,
        timeoutNs,
        (reply, payload) -> {
          payload.release();
          onAgent(() -> onReply.accept(reply));
        });
  }

  /**
   * By any thread. The answer comes on a thread of the transport; a broken connection is tried once
   * more at once.
   *
   * @param payload stays the caller's
   */
  void callMember(
      String address, Request request, Payload payload, BiConsumer<Reply, Payload> onReply) {
    if (address.isEmpty()) {
      onReply.accept(
          Replies.failure(ErrorCode.DISCONNECTED, "the member has no address"), Payload.EMPTY);
      return;
    }
    Peer peer = peers.peer(address);
    // One reference for the second try: by then the caller may have ended.
    Payload again = payload.retain();
    peer.call(
        request,
        payload.retain(),
        times.memberCallNs(),
        (reply, replyPayload) -> {
          if (Replies.code(reply) == ErrorCode.DISCONNECTED) {
            replyPayload.release();
            peer.call(request, again, times.memberCallNs(), onReply::accept);
          } else {
            again.release();
            onReply.accept(reply, replyPayload);
          }
        });
  }
}
