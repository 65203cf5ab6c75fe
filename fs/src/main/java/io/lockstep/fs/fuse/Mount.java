package io.lockstep.fs.fuse;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.Check;
import io.lockstep.fs.vfs.Vfs;
import io.lockstep.replication.client.CacheDropper;
import io.lockstep.replication.client.WaitingRequests;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Guarded by its own lock. One mount, from {@link #mount}, which returns when it answers, to {@link
 * #unmount}, which ends in time whatever applications or the kernel do (I9):
 *
 * <pre>
 *   LIVE --- unmount, or somebody else unmounted it ---> CLOSING ---> CLOSED
 * </pre>
 *
 * <p>The vfs below is not closed here: it outlives the mount so that what is left can be written
 * back.
 */
public final class Mount implements CacheDropper, AutoCloseable {
  private enum State {
    /** It answers. */
    LIVE,
    /** It is being taken away. */
    CLOSING,
    /** Nothing is left of it, but for threads that never came back. */
    CLOSED
  }

  private static final Logger LOG = LoggerFactory.getLogger(Mount.class);
  private static final long UNMOUNT_NS = TimeUnit.SECONDS.toNanos(15);
  private static final long COMMAND_NS = TimeUnit.SECONDS.toNanos(5);

  /** Applications that are in the middle of something get so long to let go. */
  private static final long IN_USE_NS = TimeUnit.SECONDS.toNanos(3);

  private static final long ABORT_NS = TimeUnit.SECONDS.toNanos(2);

  private final MountOptions options;
  private final Vfs vfs;
  private final FuseSession session;
  private final long connection;
  private final DeathWatch deathWatch;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private State state = State.LIVE;

  private Mount(
      MountOptions options,
      Vfs vfs,
      FuseSession session,
      long connection,
      List<String> deathWatchCommand)
      throws InterruptedException {
    this.options = options;
    this.vfs = vfs;
    this.session = session;
    this.connection = connection;
    this.deathWatch = DeathWatch.start(connection, deathWatchCommand);
  }

  /**
   * Mounts, and returns when the kernel has said hello and the mount table shows it.
   *
   * @throws MountFailed with one line for the user; nothing is mounted then
   */
  public static Mount mount(MountOptions options, Vfs vfs) throws MountFailed {
    return mount(options, vfs, DeathWatch.COMMAND);
  }

  /** With another watching child, for tests. */
  static Mount mount(MountOptions options, Vfs vfs, List<String> deathWatchCommand)
      throws MountFailed {
    prepare(options);
    MountPoint mountPoint = new MountPoint(options.mountPoint());
    FuseSession session = new FuseSession(FuseSystem.library(), vfs, options);
    session.open();
    try {
      boolean ready = session.awaitInitialized(options.readyNs());
      MountPoint.Row row = mountPoint.row().orElse(null);
      if (ready && row != null && row.type().equals("fuse.lockstep")) {
        FuseSystem.readAhead(row.device());
        return new Mount(options, vfs, session, row.device(), deathWatchCommand);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    FuseSystem.unmount(options.mountPoint(), true, COMMAND_NS);
    throw new MountFailed(
        "the mount at " + options.mountPoint() + " did not answer in time and was taken back");
  }

  /**
   * What {@link #mount} refuses because of the machine or the directory, known before anything is
   * started. A dead mount is cleared out of the way.
   */
  public static void prepare(MountOptions options) throws MountFailed {
    FuseSystem.check(options.allowOther());
    FuseSystem.library();
    new MountPoint(options.mountPoint()).prepare(options.nonEmpty());
  }

  public Path mountPoint() {
    return options.mountPoint();
  }

  /** False once it is unmounted, by whomever. */
  public boolean isLive() {
    return !session.hasEnded();
  }

  /** Waits until it is unmounted by whomever; false if it is still there after the time. */
  public boolean awaitEnd(long timeoutNs) throws InterruptedException {
    return session.awaitEnded(timeoutNs);
  }

  /** Drops what the kernel keeps of an inode, from any thread, without waiting. */
  @Override
  public void drop(long inode, WaitingRequests waiting, Runnable dropped) {
    if (session.hasEnded()) {
      dropped.run();
    } else {
      session.dropCache(inode, waiting, dropped);
    }
  }

  @Override
  public void close() {
    unmount(UNMOUNT_NS);
  }

  /**
   * Writes back what open files hold, then takes the mount away: plainly, else lazily, else by
   * aborting the connection, after which applications that still use it get errors. Harmless when
   * repeated.
   *
   * @param timeoutNs for all of it, but for a few seconds that the last resort may take
   */
  public void unmount(long timeoutNs) {
    Check.that(!(Thread.currentThread() instanceof FuseThread), "a mount cannot unmount itself");
    if (!become(State.LIVE, State.CLOSING)) {
      return;
    }
    long deadlineNs = vfs.clock().nowNs() + timeoutNs;
    try {
      if (isLive()) {
        vfs.files().fsyncAll(deadlineNs);
        takeAway(deadlineNs);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    deathWatch.close();
    session.close();
    become(State.CLOSING, State.CLOSED);
  }

  private void takeAway(long deadlineNs) throws InterruptedException {
    Path path = options.mountPoint();
    if (!FuseSystem.unmount(path, false, COMMAND_NS) && isLive()) {
      LOG.warn("{} is in use: unmounting it lazily", path);
      FuseSystem.unmount(path, true, COMMAND_NS);
    }
    long leftNs = Math.max(0, deadlineNs - vfs.clock().nowNs());
    if (!session.awaitEnded(Math.min(leftNs, IN_USE_NS))) {
      LOG.warn("{} is still in use: aborting connection {}", path, connection);
      FuseSystem.abort(connection);
      session.awaitEnded(ABORT_NS);
    }
  }

  private boolean become(State from, State to) {
    lock.lock();
    try {
      if (state != from) {
        return false;
      }
      state = to;
      return true;
    } finally {
      lock.unlock();
    }
  }
}
