package io.lockstep.tools.process;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Guarded by its own lock. The end of a daemon: SIGTERM, SIGINT, or the end of stdin closes what
 * was opened, newest first, and the process exits with 0. What does not close in time is left
 * behind: everything durable is so already.
 */
public final class Lifetime {
  private static final Logger LOG = LoggerFactory.getLogger(Lifetime.class);
  private static final long CLOSE_TIMEOUT_S = 20;

  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final Deque<AutoCloseable> opened = new ArrayDeque<>();

  /** Written before the end begins. */
  private volatile int exitCode;

  /** What a process does at its start. */
  public interface Start {
    /** Returns when it is usable; what it opens it gives to {@code lifetime}. */
    void run(Lifetime lifetime) throws IOException, UserError, Outcome, InterruptedException;
  }

  private Lifetime() {
    Runtime.getRuntime().addShutdownHook(new Thread(this::onShutdown, "stop"));
  }

  /**
   * Runs a daemon; returns never, or by what its start threw.
   *
   * @param stopWithStdin tests hold the other end of stdin: when they end, so does this process
   */
  public static void run(boolean stopWithStdin, Start start)
      throws IOException, UserError, Outcome, InterruptedException {
    Lifetime lifetime = new Lifetime();
    if (stopWithStdin) {
      Thread watcher = new Thread(Lifetime::awaitStdin, "stdin");
      watcher.setDaemon(true);
      watcher.start();
    }
    boolean started = false;
    try {
      start.run(lifetime);
      started = true;
    } catch (UserError e) {
      lifetime.exitCode = e.exitCode();
      throw e;
    } finally {
      if (!started && lifetime.exitCode == 0) {
        lifetime.exitCode = 1;
      }
    }
    // The hook ends the process.
    new CountDownLatch(1).await();
  }

  /** Closes {@code resource} at the end, before all that was added earlier. */
  public <T extends AutoCloseable> T closes(T resource) {
    lock.lock();
    try {
      opened.push(resource);
    } finally {
      lock.unlock();
    }
    return resource;
  }

  /** Ends the process from within: {@code code} is what the shell sees. */
  public void end(int code) {
    exitCode = code;
    // A thread of its own: exit waits for the hook, which may wait for the caller's agent.
    new Thread(() -> System.exit(code), "end").start();
  }

  private static void awaitStdin() {
    try {
      while (System.in.read() >= 0) {
        // Nothing is said there; only its end matters.
      }
    } catch (IOException e) {
      LOG.info("stdin is broken: {}", e.getMessage());
    }
    LOG.info("stdin has ended: stopping");
    System.exit(0);
  }

  private void onShutdown() {
    Thread closer = new Thread(this::closeAll, "close");
    closer.setDaemon(true);
    closer.start();
    try {
      closer.join(TimeUnit.SECONDS.toMillis(CLOSE_TIMEOUT_S));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    boolean clean = !closer.isAlive();
    LOG.info(clean ? "stopped" : "stopped with something still closing");
    // Not by returning: after SIGTERM the JVM would end with 143, though all went as it should.
    Runtime.getRuntime().halt(clean ? exitCode : 1);
  }

  private AutoCloseable next() {
    lock.lock();
    try {
      return opened.poll();
    } finally {
      lock.unlock();
    }
  }

  private void closeAll() {
    for (AutoCloseable resource = next(); resource != null; resource = next()) {
      try {
        resource.close();
      } catch (Exception e) {
        LOG.warn("closing {} failed", resource.getClass().getSimpleName(), e);
      }
    }
  }
}
