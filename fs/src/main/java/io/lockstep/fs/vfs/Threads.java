package io.lockstep.fs.vfs;

import io.lockstep.core.Clock;
import io.lockstep.core.SystemClock;
import io.lockstep.replication.client.Waits;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;

/**
 * Immutable. The ports of a {@link Vfs} to threads and time: how callers wait, and what runs its
 * one loop of its own. Tests on virtual time bring their own.
 *
 * @param starter runs what has this name beside all callers, until it returns
 */
public record Threads(Clock clock, Waits waits, BiConsumer<String, Runnable> starter) {
  /** Real threads on the real clock. */
  public static final Threads REAL = of(SystemClock.INSTANCE);

  /** Real threads on this clock. */
  public static Threads of(Clock clock) {
    return new Threads(clock, Waits.PARK, Threads::daemon);
  }

  private static void daemon(String name, Runnable loop) {
    Thread thread = new Thread(loop, name);
    thread.setDaemon(true);
    thread.start();
  }

  /** Lets time pass. */
  void pause(long durationNs) {
    waits.await(new CompletableFuture<>(), durationNs);
  }
}
