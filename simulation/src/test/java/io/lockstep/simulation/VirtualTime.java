package io.lockstep.simulation;

import io.lockstep.core.Agent;
import io.lockstep.core.Clock;
import java.util.PriorityQueue;
import java.util.zip.CRC32C;

/**
 * Confined to the thread of the test. The one queue of everything that will happen, in order of
 * virtual time; a tie is broken by who asked first, so that a seed replays exactly.
 */
final class VirtualTime {
  /** 2026-01-01, so that timestamps look like timestamps. */
  private static final long WALL_START_NS = 1_767_225_600_000_000_000L;

  private static final class Event implements Comparable<Event>, Agent.Timer {
    final long atNs;
    final long order;
    final Host host;
    final int life;
    final Runnable task;
    boolean cancelled;

    Event(long atNs, long order, Host host, Runnable task) {
      this.atNs = atNs;
      this.order = order;
      this.host = host;
      this.life = host.life;
      this.task = task;
    }

    @Override
    public void cancel() {
      cancelled = true;
    }

    @Override
    public int compareTo(Event other) {
      int byTime = Long.compare(atNs, other.atNs);
      return byTime != 0 ? byTime : Long.compare(order, other.order);
    }
  }

  /** One simulated process: its agent and clock. What it scheduled before a crash never runs. */
  final class Host implements Agent, Clock {
    final String name;
    private int life;
    private boolean up = true;

    private Host(String name) {
      this.name = name;
    }

    boolean isUp() {
      return up;
    }

    /** Everything that this host had planned is gone. */
    void crash() {
      life++;
      up = false;
    }

    void restart() {
      up = true;
    }

    @Override
    public boolean execute(Runnable task) {
      schedule(0, task);
      return true;
    }

    @Override
    public Timer schedule(long delayNs, Runnable task) {
      Event event = new Event(nowNs + Math.max(0, delayNs), order++, this, task);
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
  }

  private final PriorityQueue<Event> queue = new PriorityQueue<>();
  private final CRC32C trace = new CRC32C();
  private long nowNs;
  private long order;
  private long steps;

  Host host(String name) {
    return new Host(name);
  }

  long nowNs() {
    return nowNs;
  }

  long steps() {
    return steps;
  }

  /** The same for two runs that did the same things at the same times. */
  long traceHash() {
    return trace.getValue();
  }

  void note(String what) {
    for (int i = 0; i < what.length(); i++) {
      trace.update(what.charAt(i));
    }
    trace.update((int) nowNs);
    trace.update((int) (nowNs >>> 32));
  }

  /** Runs the next event; false if there is none. */
  boolean step() {
    Event event = queue.poll();
    if (event == null) {
      return false;
    }
    nowNs = event.atNs;
    if (!event.cancelled && event.life == event.host.life && event.host.up) {
      steps++;
      note(event.host.name);
      event.task.run();
    }
    return true;
  }

  /** Runs until nothing is left before {@code untilNs}. */
  void runUntil(long untilNs) {
    while (!queue.isEmpty() && queue.peek().atNs <= untilNs) {
      step();
    }
    nowNs = Math.max(nowNs, untilNs);
  }
}
