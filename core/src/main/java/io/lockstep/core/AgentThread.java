package io.lockstep.core;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayDeque;
import java.util.PriorityQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Guarded by its own lock. An {@link Agent} on a thread of its own with a bounded inbox.
 *
 * <p>A task that throws an {@link Exception} or {@link Error} goes to the {@link FailureHandler},
 * which decides between going on and stopping the process (I11). {@link #close} runs what is in the
 * inbox, drops the timers, and waits for the thread until a deadline.
 */
public final class AgentThread implements Agent, AutoCloseable {
  /** Called on the agent's thread with what a task threw. */
  public interface FailureHandler {
    void onFailure(String agent, Throwable failure);
  }

  private static final long CLOSE_TIMEOUT_MS = 5_000;

  private static final class Entry implements Timer, Comparable<Entry> {
    final long deadlineNs;
    final long order;
    private final Runnable task;
    private volatile boolean cancelled;

    Entry(long deadlineNs, long order, Runnable task) {
      this.deadlineNs = deadlineNs;
      this.order = order;
      this.task = task;
    }

    @Override
    public void cancel() {
      cancelled = true;
    }

    void run() {
      if (!cancelled) {
        task.run();
      }
    }

    @Override
    public int compareTo(Entry other) {
      int byTime = Long.compare(deadlineNs - other.deadlineNs, 0);
      return byTime != 0 ? byTime : Long.compare(order, other.order);
    }
  }

  private final String name;
  private final Clock clock;
  private final int inboxMax;
  private final FailureHandler failures;
  private final Thread thread;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition work = lock.newCondition();

  @GuardedBy("lock")
  private final ArrayDeque<Runnable> inbox = new ArrayDeque<>();

  @GuardedBy("lock")
  private final PriorityQueue<Entry> timers = new PriorityQueue<>();

  @GuardedBy("lock")
  private long timerOrder;

  @GuardedBy("lock")
  private boolean closed;

  public AgentThread(String name, Clock clock, int inboxMax, FailureHandler failures) {
    this.name = name;
    this.clock = clock;
    this.inboxMax = inboxMax;
    this.failures = failures;
    this.thread = new Thread(this::loop, name);
    this.thread.setDaemon(true);
  }

  /** Starts the thread and returns this. */
  public AgentThread start() {
    thread.start();
    return this;
  }

  @Override
  public boolean execute(Runnable task) {
    lock.lock();
    try {
      if (closed || inbox.size() >= inboxMax) {
        return false;
      }
      inbox.add(task);
      if (inbox.size() == 1) {
        work.signal();
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public Timer schedule(long delayNs, Runnable task) {
    lock.lock();
    try {
      Entry entry = new Entry(clock.nowNs() + delayNs, timerOrder++, task);
      if (!closed) {
        timers.add(entry);
        if (timers.peek() == entry) {
          work.signal();
        }
      }
      return entry;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public Clock clock() {
    return clock;
  }

  /** Whether the caller is on this agent's thread. */
  public boolean isCurrent() {
    return Thread.currentThread() == thread;
  }

  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      timers.clear();
      work.signal();
    } finally {
      lock.unlock();
    }
    if (!isCurrent() && thread.isAlive()) {
      try {
        thread.join(CLOSE_TIMEOUT_MS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void loop() {
    for (Runnable task = next(); task != null; task = next()) {
      try {
        task.run();
      } catch (Exception | Error e) {
        failures.onFailure(name, e);
      }
    }
  }

  /** The next task that is due, waiting for it; null once closed and empty. */
  private Runnable next() {
    lock.lock();
    try {
      while (true) {
        Entry timer = timers.peek();
        long waitNs = timer == null ? Long.MAX_VALUE : timer.deadlineNs - clock.nowNs();
        if (timer != null && waitNs <= 0) {
          timers.poll();
          return timer::run;
        }
        Runnable task = inbox.poll();
        if (task != null) {
          return task;
        }
        if (closed) {
          return null;
        }
        // Ends by a signal, by the next timer, or after a second at the latest.
        work.awaitNanos(Math.min(waitNs, TimeUnit.SECONDS.toNanos(1)));
      }
    } catch (InterruptedException e) {
      throw Check.unreachable("nobody interrupts the agent %s", name);
    } finally {
      lock.unlock();
    }
  }
}
