package io.lockstep.tools.check;

import io.lockstep.core.Outcome;
import io.lockstep.tools.cluster.AdminConnection;
import io.lockstep.wire.SessionEvents;
import io.lockstep.wire.message.AcquireLease;
import io.lockstep.wire.message.LeaseMode;
import io.lockstep.wire.message.OpenSession;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.RecallLease;
import io.lockstep.wire.message.ReleaseLease;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetEpoch;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to its caller, but for the session's events, which arrive on the agent of the connection
 * and change nothing. A session of a command, opened when the first lease is needed; it holds one
 * lease at a time, for as long as one file is compared. A recall meanwhile waits for that.
 */
public final class LeaseSession implements SharedLeases, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LeaseSession.class);
  private static final long ASK_NS = TimeUnit.SECONDS.toNanos(30);

  private final AdminConnection connection;
  private final String volume;
  private boolean open;
  private long lastLease;

  public LeaseSession(AdminConnection connection, String volume) {
    this.connection = connection;
    this.volume = volume;
  }

  @Override
  public <T> T under(long inode, long set, Action<T> action) throws Outcome {
    ensureOpen();
    long lease = ++lastLease;
    AcquireLease acquire =
        AcquireLease.newBuilder()
            .setInode(inode)
            .setLease(lease)
            .setMode(LeaseMode.SHARED)
            .setSet(set)
            .build();
    try {
      Reply granted = connection.ask(Request.newBuilder().setAcquireLease(acquire).build(), ASK_NS);
      return action.run(granted.getLeaseGrant().getAttributes());
    } finally {
      // Also after a refusal or a time-out: the request may still be in the queue.
      release(inode, lease);
    }
  }

  private void ensureOpen() throws Outcome {
    if (!open) {
      connection.master().addListener(new Events());
      connection
          .master()
          .openSession(
              OpenSession.newBuilder()
                  .setVolume(volume)
                  .setPid((int) ProcessHandle.current().pid())
                  .setMountPoint("(volume check)")
                  .setReadOnly(true)
                  .build(),
              ASK_NS);
      open = true;
    }
  }

  private void release(long inode, long lease) {
    ReleaseLease release =
        ReleaseLease.newBuilder().setInode(inode).setLease(lease).setClean(true).build();
    try {
      connection.ask(Request.newBuilder().setReleaseLease(release).build(), ASK_NS);
    } catch (Outcome e) {
      LOG.debug("lease {} on inode {} was not released: {}", lease, inode, e.getMessage());
    }
  }

  @Override
  public void close() {
    if (open) {
      try {
        connection.master().closeSession();
      } catch (Outcome e) {
        LOG.debug("the session was not closed, it ends by itself: {}", e.getMessage());
      }
    }
  }

  /** Immutable. A lease is held for the length of one comparison: recalls are answered by that. */
  private static final class Events implements SessionEvents {
    @Override
    public void onRenewed(long sentNs, long lockdTerm, List<SetEpoch> epochs) {}

    @Override
    public void onPush(Push push) {
      RecallLease recall = push.getRecallLease();
      LOG.debug("recall of lease {} on inode {}", recall.getLease(), recall.getInode());
    }

    @Override
    public void onSessionEnded(String reason) {
      LOG.warn("the session of this check was ended: {}", reason);
    }
  }
}
