package io.lockstep.metadata.raft;

import io.lockstep.core.ErrorCode;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.wire.message.LogEntry;
import io.lockstep.wire.message.Reply;
import java.io.IOException;
import java.util.List;

/**
 * The port to the replicated log and the state that its entries made: Ratis over RocksDB in
 * production ({@link MasterRaft}), a model in the simulator.
 */
public interface ReplicatedLog extends AutoCloseable {
  /** Opens the log of one master; nothing runs before {@link #start}. */
  interface Opener {
    ReplicatedLog open(RaftEvents events) throws IOException;
  }

  /** Is told once how a proposed entry went. */
  interface Handler {
    /** Committed and executed. */
    void onExecuted(List<Reply> replies);

    /** Not executed as far as known; with DISCONNECTED or TIMED_OUT it may be yet. */
    void onFailed(ErrorCode code, String message);
  }

  /** The cluster that the log belongs to. */
  long cluster();

  /** Starts to take part. Returns before there is a leader: see {@link RaftEvents#onLeading}. */
  void start() throws IOException;

  /** The state of now, pinned: close it soon. Null before the start and after the end. */
  KvStore.Snapshot snapshot();

  /** Index of the last executed entry. */
  long appliedIndex();

  void propose(LogEntry entry, Handler handler);

  @Override
  void close() throws IOException;
}
