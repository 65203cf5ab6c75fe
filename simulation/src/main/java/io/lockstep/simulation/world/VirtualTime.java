package io.lockstep.simulation.world;

import io.lockstep.core.Agent;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.function.Consumer;

/**
 * Confined to the thread of the simulation. The one queue of all that will happen, in order of
 * virtual time; a tie is broken by who asked first, so that a seed replays exactly.
 */
public final class VirtualTime {
  /** An event that takes no virtual time may follow another so often; more is a loop. */
  private static final int STILL_MAX = 2_000_000;

  private static final int NOTES_MAX = 4_000;

  /** Told after every event: the invariants. */
  public interface Watch {
    void afterEvent();
  }

  private static final class Event implements Comparable<Event>, Agent.Timer {
    private final long order;
    private final SimHost host;
    private final int life;
    private final String what;
    private final Runnable task;
    private final SimAgent agent;
    private long atNs;
    private boolean cancelled;

    Event(long atNs, long order, SimHost host, SimAgent agent, String what, Runnable task) {
      this.atNs = atNs;
      this.order = order;
      this.host = host;
      this.life = host == null ? 0 : host.life();
      this.agent = agent;
      this.what = what;
      this.task = task;
    }

    @Override
    public void cancel() {
      cancelled = true;
    }

    boolean isStale() {
      return cancelled || (host != null && (host.life() != life || !host.isUp()));
    }

    @Override
    public int compareTo(Event other) {
      int byTime = Long.compare(atNs, other.atNs);
      return byTime != 0 ? byTime : Long.compare(order, other.order);
    }
  }

  private final PriorityQueue<Event> queue = new PriorityQueue<>();
  private final ArrayDeque<String> notes = new ArrayDeque<>();
  private final List<Watch> watches = new ArrayList<>();
  private Consumer<String> live = note -> {};
  private long nowNs;
  private long order;
  private long steps;
  private int still;
  private long hash = 0xcbf29ce484222325L;
  private SimAgent running;

  public long nowNs() {
    return nowNs;
  }

  /** Events so far. */
  public long steps() {
    return steps;
  }

  /** The same for two runs that did the same things at the same times. */
  public long traceHash() {
    return hash;
  }

  public void watch(Watch watch) {
    watches.add(watch);
  }

  /** Every note from now on is also told here. */
  public void tell(Consumer<String> listener) {
    live = listener;
  }

  /** Mixes bytes into the trace: what a message said, what an operation answered. */
  public void mix(long value) {
    hash = (hash ^ value) * 0x100000001b3L;
    hash ^= hash >>> 29;
  }

  /** A line of the story, which is kept for the case that the seed fails. */
  public void note(String who, String what) {
    mix(who.hashCode() * 31L + what.hashCode());
    String line = String.format(java.util.Locale.ROOT, "%10.6f %-9s %s", nowNs / 1e9, who, what);
    notes.add(line);
    if (notes.size() > NOTES_MAX) {
      notes.poll();
    }
    live.accept(line);
  }

  /** The last lines of the story. */
  public List<String> notes() {
    return List.copyOf(notes);
  }

  /** At a time of the world, of no host. */
  public Agent.Timer at(long atNs, String what, Runnable task) {
    return add(Math.max(atNs, nowNs), null, null, what, task);
  }

  Agent.Timer add(long atNs, SimHost host, SimAgent agent, String what, Runnable task) {
    Event event = new Event(Math.max(atNs, nowNs), order++, host, agent, what, task);
    queue.add(event);
    return event;
  }

  /** The agent whose task runs now, or null: who pays for the disk's time. */
  public SimAgent running() {
    return running;
  }

  /** Runs the next event; false if there is none. */
  public boolean step() {
    Event event = queue.poll();
    if (event == null) {
      return false;
    }
    if (event.isStale()) {
      return true;
    }
    long laterNs = event.host == null ? 0 : event.host.pausedUntilNs();
    if (event.agent != null) {
      laterNs = Math.max(laterNs, event.agent.busyUntilNs());
    }
    if (laterNs > event.atNs) {
      event.atNs = laterNs;
      queue.add(event);
      return true;
    }
    run(event);
    return true;
  }

  private void run(Event event) {
    still = event.atNs == nowNs ? still + 1 : 0;
    if (still > STILL_MAX) {
      throw new AssertionError("time stands still at " + event.what);
    }
    nowNs = event.atNs;
    steps++;
    mix(nowNs);
    mix(event.what.hashCode());
    running = event.agent;
    try {
      event.task.run();
    } catch (PowerCut cut) {
      cut.host().crash();
    } finally {
      running = null;
    }
    for (Watch watch : watches) {
      watch.afterEvent();
    }
  }

  /** Runs until nothing is left before {@code untilNs}. */
  public void runUntil(long untilNs) {
    while (!queue.isEmpty() && queue.peek().atNs <= untilNs) {
      step();
    }
    nowNs = Math.max(nowNs, untilNs);
  }
}
