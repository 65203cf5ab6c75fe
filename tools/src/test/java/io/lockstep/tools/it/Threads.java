package io.lockstep.tools.it;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/** Confined to the thread of the test. Threads that do what may fail; {@link #join} says so. */
final class Threads {
  private final List<Thread> threads = new ArrayList<>();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();

  /** Work that may fail. */
  interface Work {
    void run() throws Exception;
  }

  void start(String name, Work work) {
    Thread thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (Exception | AssertionError e) {
                failure.compareAndSet(null, e);
              }
            },
            name);
    thread.setDaemon(true);
    threads.add(thread);
    thread.start();
  }

  boolean hasFailed() {
    return failure.get() != null;
  }

  /** Waits for the end of all of them. */
  void join(int seconds) {
    long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    for (Thread thread : threads) {
      long leftNs = deadlineNs - System.nanoTime();
      Uninterruptibles.join(thread, Math.max(leftNs, TimeUnit.MILLISECONDS.toNanos(1)));
      if (thread.isAlive()) {
        throw new AssertionError(thread.getName() + " hangs", failure.get());
      }
    }
    if (failure.get() != null) {
      throw new AssertionError("a thread failed", failure.get());
    }
  }
}
