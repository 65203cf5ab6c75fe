package io.lockstep.replication.client;

import io.lockstep.core.Agent;
import io.lockstep.core.Times;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.SessionEvents;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.SessionReply;
import io.lockstep.wire.message.SetEpoch;
import java.util.List;

/**
 * Guarded by its agent. The files of one mount: leases, write-back, transactions to the members,
 * post-ops. One for each session; listens to the events of that session.
 */
public final class ReplicationClient implements SessionEvents, AutoCloseable {
  public ReplicationClient(
      Peer master,
      PeerDirectory peers,
      Agent agent,
      Times times,
      ClientOptions options,
      SessionReply session) {
    pending();
  }

  /** What drops the kernel's pages before a lease goes; set before the first open. */
  public void cacheDropper(CacheDropper dropper) {
    pending();
  }

  /**
   * The file, one more user of it; the same object for the same inode as long as it has users. Each
   * open is ended by {@link FileContent#close}.
   */
  public FileContent open(Attributes attributes) {
    pending();
    return null;
  }

  /** {@code fromMaster} with size and times of what this mount wrote. Never blocks. */
  public Attributes overlay(Attributes fromMaster) {
    pending();
    return fromMaster;
  }

  /** A new session in place of one that ended: files can be used again. */
  public void onSessionReopened(SessionReply session) {
    pending();
  }

  @Override
  public void onRenewed(long sentNs, long lockdTerm, List<SetEpoch> epochs) {
    pending();
  }

  @Override
  public void onPush(Push push) {
    pending();
  }

  @Override
  public void onSessionEnded(String reason) {
    pending();
  }

  /**
   * Writes back, clears marks and releases leases, as far as that is possible within a deadline.
   */
  @Override
  public void close() {
    pending();
  }

  private static void pending() {
    throw new UnsupportedOperationException("comes with the next landing");
  }
}
