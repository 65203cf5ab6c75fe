package io.lockstep.replication.client;

import io.lockstep.core.Agent;
import io.lockstep.core.Clock;
import java.util.PriorityQueue;
import java.util.concurrent.CompletableFuture;

/**
 * Confined to the thread of the test. One queue of all that will happen; who waits lets it happen
 * until what it waits for is there.
 */
final class VirtualTime implements TestTime {
  private static final long WALL_START_NS = 1_767_225_600_000_000_000L;

  private final class Event implements Agent.Timer, Comparable<Event> {
    final long atNs;
    final long number;
    final Runnable task;
    boolean cancelled;

    Event(long atNs, Runnable task) {
      this.atNs = atNs;
      this.number = ++events;
      this.task = task;
    }

    @Override
    public void cancel() {
      cancelled = true;
    }

    @Override
    public int compareTo(Event other) {
      return atNs != other.atNs
          ? Long.compare(atNs, other.atNs)
          : Long.compare(number, other.number);
    }
  }

  private final PriorityQueue<Event> queue = new PriorityQueue<>();
  private long events;
  private long nowNs = 1_000_000_000L;

  @Override
  public boolean execute(Runnable task) {
    schedule(0, task);
    return true;
  }

  @Override
  public Timer schedule(long delayNs, Runnable task) {
    Event event = new Event(nowNs + Math.max(0, delayNs), task);
    queue.add(event);
    return event;
  }

  @Override
  public Clock clock() {
    return this;
  }

  @Override
  public long nowNs() {
    return nowNs;
  }

  @Override
  public long wallTimeNs() {
    return WALL_START_NS + nowNs;
  }

  @Override
  public boolean await(CompletableFuture<?> future, long timeoutNs) {
    long endNs = nowNs + timeoutNs;
    while (!future.isDone() && !queue.isEmpty() && queue.peek().atNs <= endNs) {
      step();
    }
    if (!future.isDone()) {
      nowNs = Math.max(nowNs, endNs);
    }
    return future.isDone();
  }

  @Override
  public void pass(long durationNs) {
    long endNs = nowNs + durationNs;
    while (!queue.isEmpty() && queue.peek().atNs <= endNs) {
      step();
    }
    nowNs = Math.max(nowNs, endNs);
  }

  private void step() {
    Event event = queue.poll();
    nowNs = Math.max(nowNs, event.atNs);
    if (!event.cancelled) {
      event.task.run();
    }
  }
}
