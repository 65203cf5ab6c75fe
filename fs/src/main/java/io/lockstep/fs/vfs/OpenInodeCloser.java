package io.lockstep.fs.vfs;

import io.lockstep.core.Outcome;
import io.lockstep.wire.message.CloseInodes;
import io.lockstep.wire.message.Request;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A loop of its own: tells the master, many inodes in one message, what this mount has closed. If
 * the master does not hear it, the inodes count as open there until the session ends or renews.
 */
final class OpenInodeCloser implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(OpenInodeCloser.class);
  private static final int BATCH_MAX = 512;
  private static final long WAIT_NS = TimeUnit.SECONDS.toNanos(1);
  private static final long CLOSE_TIMEOUT_NS = TimeUnit.SECONDS.toNanos(5);

  private final OpenInodes openInodes;
  private final MasterCalls master;
  private final CompletableFuture<Void> ended = new CompletableFuture<>();

  OpenInodeCloser(OpenInodes openInodes, MasterCalls master) {
    this.openInodes = openInodes;
    this.master = master;
  }

  void start() {
    master.threads().starter().accept("lockstep-close-inodes", this::loop);
  }

  List<Long> openInodes() {
    return openInodes.all();
  }

  private void loop() {
    try {
      while (!openInodes.isClosed()) {
        List<Long> inodes = openInodes.takeDue(BATCH_MAX, WAIT_NS);
        if (!inodes.isEmpty()) {
          tell(inodes);
        }
      }
    } finally {
      ended.complete(null);
    }
  }

  private void tell(List<Long> inodes) {
    try {
      CloseInodes close = CloseInodes.newBuilder().addAllInodes(inodes).build();
      master.ask(Request.newBuilder().setCloseInodes(close).build());
    } catch (Outcome e) {
      LOG.warn("the master was not told that {} inodes are closed: {}", inodes.size(), e.code());
    } finally {
      openInodes.closed(inodes);
    }
  }

  @Override
  public void close() {
    openInodes.close();
    master.threads().waits().await(ended, CLOSE_TIMEOUT_NS);
  }
}
