package io.lockstep.metadata.raft;

import com.google.protobuf.InvalidProtocolBufferException;
import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.metadata.kv.KvReader;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.metadata.store.Generations;
import io.lockstep.wire.message.LogEntry;
import io.lockstep.wire.message.Reply;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.RoleInfoProto;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftClientRequest;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftGroupMemberId;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.StateMachineStorage;
import org.apache.ratis.statemachine.TransactionContext;
import org.apache.ratis.statemachine.impl.BaseStateMachine;
import org.apache.ratis.util.LifeCycle;

/**
 * Confined to Ratis' updater thread, but for reads of the {@link Generations}. Executes entries on
 * the store: one entry, one batch, and the applied index goes with it, so that after a crash the
 * data and the index are of the same instant (I8).
 *
 * <p>An entry that cannot be executed is never skipped: the failure goes to {@link
 * RaftEvents#onFailure}, and this master executes nothing more.
 */
final class ReplicatedState extends BaseStateMachine {
  /** First byte of keys that the log itself keeps in the store; see catalogue.Keys for the rest. */
  private static final byte[] APPLIED_KEY = {(byte) 0x8f};

  private static final int LOG_FORMAT = 1;

  private final Generations generations;
  private final Checkpoints checkpoints;
  private final RaftEvents events;
  private long applied = -1;
  private boolean failed;
  private volatile boolean closing;

  ReplicatedState(Generations generations, Checkpoints checkpoints, RaftEvents events) {
    this.generations = generations;
    this.checkpoints = checkpoints;
    this.events = events;
  }

  /** The owner ends: that the server stops is no failure any more. */
  void expectClose() {
    closing = true;
  }

  /** Where a store stands: the last entry that is in it, or null if it has none. */
  static TermIndex applied(KvReader store) {
    byte[] value = store.get(APPLIED_KEY);
    if (value == null) {
      return null;
    }
    ByteBuffer bytes = ByteBuffer.wrap(value);
    return TermIndex.valueOf(bytes.getLong(), bytes.getLong());
  }

  @Override
  public void initialize(RaftServer server, RaftGroupId groupId, RaftStorage storage)
      throws IOException {
    super.initialize(server, groupId, storage);
    getLifeCycle().transition(LifeCycle.State.STARTING);
    generations.publish(checkpoints.openLive());
    try (KvStore.Snapshot state = generations.snapshot()) {
      TermIndex found = applied(state);
      if (found != null) {
        applied = found.getIndex();
        setLastAppliedTermIndex(found);
      }
    }
    getLifeCycle().transition(LifeCycle.State.RUNNING);
  }

  @Override
  public StateMachineStorage getStateMachineStorage() {
    return checkpoints;
  }

  @Override
  public TransactionContext startTransaction(RaftClientRequest request) {
    return TransactionContext.newBuilder()
        .setStateMachine(this)
        .setClientRequest(request)
        .setStateMachineContext(request.getMessage())
        .build();
  }

  @Override
  public CompletableFuture<Message> applyTransaction(TransactionContext transaction) {
    LogEntryProto raftEntry = transaction.getLogEntry();
    long index = raftEntry.getIndex();
    if (index <= applied) {
      return CompletableFuture.completedFuture(Message.EMPTY);
    }
    if (failed) {
      return CompletableFuture.failedFuture(new IOException("an earlier entry failed"));
    }
    try {
      execute(raftEntry, transaction.getStateMachineContext());
      return CompletableFuture.completedFuture(Message.EMPTY);
    } catch (IOException | RuntimeException | Error e) {
      failed = true;
      events.onFailure("cannot execute entry " + index + " of the log", e);
      return CompletableFuture.failedFuture(e);
    }
  }

  private void execute(LogEntryProto raftEntry, Object context) throws IOException {
    LogEntry entry = parse(raftEntry);
    List<Reply> replies;
    try (KvStore.Batch batch = generations.writable().begin()) {
      replies = events.apply(batch, entry, raftEntry.getIndex());
      Check.that(
          replies.size() == entry.getOperationsCount(),
          "%d replies to %d operations",
          replies.size(),
          entry.getOperationsCount());
      putApplied(batch, raftEntry.getTerm(), raftEntry.getIndex());
      batch.commit();
    }
    applied = raftEntry.getIndex();
    updateLastAppliedTermIndex(raftEntry.getTerm(), raftEntry.getIndex());
    events.onApplied(entry, replies, applied);
    if (context instanceof Proposal proposal) {
      proposal.executed(replies);
    }
  }

  private static LogEntry parse(LogEntryProto raftEntry) throws IOException {
    try {
      LogEntry entry =
          LogEntry.parseFrom(
              raftEntry.getStateMachineLogEntry().getLogData().asReadOnlyByteBuffer());
      if (entry.getVersion() != LOG_FORMAT) {
        throw new IOException(
            "entry has format " + entry.getVersion() + ", this version knows " + LOG_FORMAT);
      }
      return entry;
    } catch (InvalidProtocolBufferException e) {
      throw new IOException("entry is no LogEntry", e);
    }
  }

  private static void putApplied(KvStore.Batch batch, long term, long index) {
    batch.put(APPLIED_KEY, ByteBuffer.allocate(16).putLong(term).putLong(index).array());
  }

  /** Entries of Raft's own; after a restart those come again that the store is beyond. */
  @Override
  public void notifyTermIndexUpdated(long term, long index) {
    if (index > getLastAppliedTermIndex().getIndex()) {
      updateLastAppliedTermIndex(term, index);
    }
  }

  /** Called between two entries, so the store stands at the last applied one. */
  @Override
  public long takeSnapshot() throws IOException {
    TermIndex at = getLastAppliedTermIndex();
    if (at.getIndex() < 0 || failed) {
      return -1;
    }
    // Entries of Raft's own (configurations, terms) leave no trace in the store but this.
    try (KvStore.Batch batch = generations.writable().begin()) {
      putApplied(batch, at.getTerm(), at.getIndex());
      batch.commit();
    }
    checkpoints.take(generations.writable(), at);
    return at.getIndex();
  }

  @Override
  public void notifyLeaderReady() {
    events.onLeading();
  }

  @Override
  public void notifyLeaderChanged(RaftGroupMemberId self, RaftPeerId leader) {
    if (!self.getPeerId().equals(leader)) {
      events.onFollowing();
    }
  }

  @Override
  public void notifyNotLeader(Collection<TransactionContext> pending) {
    events.onFollowing();
    for (TransactionContext each : pending) {
      if (each.getStateMachineContext() instanceof Proposal proposal) {
        proposal.failed(ErrorCode.NOT_LEADER, "this master lost the lead");
      }
    }
  }

  /** Ratis gave up, for whatever reason; not called for our own close. */
  @Override
  public void notifyServerShutdown(RoleInfoProto role, boolean allServer) {
    if (!closing) {
      events.onFailure("the Raft server stopped by itself", new IOException(role.toString()));
    }
  }

  @Override
  public void notifyLogFailed(Throwable cause, LogEntryProto failedEntry) {
    events.onFailure("cannot write the Raft log", cause);
  }

  @Override
  public void close() {
    generations.close();
  }
}
