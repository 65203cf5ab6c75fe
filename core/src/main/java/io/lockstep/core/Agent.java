package io.lockstep.core;

/**
 * The port to scheduling: runs tasks one after another, so that state confined to it needs no lock.
 * A thread in production ({@link AgentThread}), the one virtual thread of the simulator in tests.
 */
public interface Agent {
  /**
   * Puts {@code task} at the end of the inbox. False if the inbox is full or the agent has stopped:
   * BUSY to the caller.
   */
  boolean execute(Runnable task);

  /**
   * Runs {@code task} on this agent after {@code delayNs}, unless cancelled before. Timers are not
   * bounded by the inbox.
   */
  Timer schedule(long delayNs, Runnable task);

  Clock clock();

  /**
   * Cancelling is advisory: a task may already be on its way, so it carries an id and does nothing
   * if stale (I2).
   */
  interface Timer {
    void cancel();
  }
}
