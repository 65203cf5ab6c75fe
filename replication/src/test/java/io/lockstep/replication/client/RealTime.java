package io.lockstep.replication.client;

import io.lockstep.core.AgentThread;
import io.lockstep.core.Clock;
import io.lockstep.core.SystemClock;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;

/** Guarded by its agent. Real threads and real time, for what only they can show. */
final class RealTime implements TestTime, AutoCloseable {
  final AtomicReference<Throwable> failure = new AtomicReference<>();
  private final AgentThread agent =
      new AgentThread(
              "cluster",
              SystemClock.INSTANCE,
              1000,
              (name, thrown) -> {
                thrown.printStackTrace();
                failure.compareAndSet(null, thrown);
              })
          .start();

  @Override
  public boolean execute(Runnable task) {
    return agent.execute(task);
  }

  @Override
  public Timer schedule(long delayNs, Runnable task) {
    return agent.schedule(delayNs, task);
  }

  @Override
  public Clock clock() {
    return this;
  }

  @Override
  public long nowNs() {
    return SystemClock.INSTANCE.nowNs();
  }

  @Override
  public long wallTimeNs() {
    return SystemClock.INSTANCE.wallTimeNs();
  }

  @Override
  public boolean await(CompletableFuture<?> future, long timeoutNs) {
    return Waits.PARK.await(future, timeoutNs);
  }

  @Override
  public void pass(long durationNs) {
    CompletableFuture<Void> passed = new CompletableFuture<>();
    schedule(durationNs, () -> passed.complete(null));
    passed.join();
  }

  @Override
  public void close() {
    agent.close();
  }
}
