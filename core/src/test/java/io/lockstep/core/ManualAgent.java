package io.lockstep.core;

import java.util.Comparator;
import java.util.PriorityQueue;

/**
 * Confined to the thread of the test. An agent on virtual time that runs only when it is told to.
 */
public final class ManualAgent implements Agent, Clock {
  private record Entry(long atNs, long order, Runnable task) {}

  private final PriorityQueue<Entry> queue =
      new PriorityQueue<>(Comparator.comparingLong(Entry::atNs).thenComparing(Entry::order));
  private long nowNs = 1_000_000_000;
  private long order;
  private boolean full;

  /** From now on the inbox takes nothing; timers still run. */
  public void setFull(boolean full) {
    this.full = full;
  }

  @Override
  public boolean execute(Runnable task) {
    if (full) {
      return false;
    }
    schedule(0, task);
    return true;
  }

  @Override
  public Timer schedule(long delayNs, Runnable task) {
    Entry entry = new Entry(nowNs + delayNs, order++, task);
    queue.add(entry);
    return () -> queue.remove(entry);
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
    return nowNs;
  }

  /** Runs what is due within {@code ms} from now, in order of time. */
  public void advance(long ms) {
    long untilNs = nowNs + ms * 1_000_000;
    while (!queue.isEmpty() && queue.peek().atNs <= untilNs) {
      Entry entry = queue.poll();
      nowNs = Math.max(nowNs, entry.atNs);
      entry.task.run();
    }
    nowNs = untilNs;
  }

  /** Runs what is due now. */
  public void settle() {
    advance(0);
  }
}
