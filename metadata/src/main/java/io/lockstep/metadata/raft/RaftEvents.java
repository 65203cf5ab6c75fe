package io.lockstep.metadata.raft;

import io.lockstep.metadata.kv.KvTransaction;
import io.lockstep.wire.message.LogEntry;
import io.lockstep.wire.message.Reply;
import java.util.List;

/** What the log tells its owner. Called on the updater thread, which must not be blocked. */
public interface RaftEvents {
  /**
   * Executes an entry: the same replies and the same changes on every master and at every replay.
   * No clock, no chance, nothing but {@code state} and {@code entry}.
   *
   * @return one reply for each operation, in order
   */
  List<Reply> apply(KvTransaction state, LogEntry entry, long index);

  /** The changes of the entry can be read; comes before its proposer is answered. */
  void onApplied(LogEntry entry, List<Reply> replies, long index);

  /** This master leads, and everything that was committed before has been executed. */
  void onLeading();

  /** This master leads no more. May come without {@link #onLeading} before. */
  void onFollowing();

  /** The log or the store failed for good: the process has to stop (I11). */
  void onFailure(String what, Throwable failure);
}
