package io.lockstep.tools.it;

import java.util.concurrent.TimeUnit;

/** Immutable. Waits that nobody interrupts: an interrupt ends the test. */
final class Uninterruptibles {
  private Uninterruptibles() {}

  static void join(Thread thread, long timeoutNs) {
    try {
      thread.join(TimeUnit.NANOSECONDS.toMillis(timeoutNs));
    } catch (InterruptedException e) {
      throw new AssertionError("interrupted", e);
    }
  }

  /** The exit code. */
  static int waitFor(Process process) {
    try {
      return process.waitFor();
    } catch (InterruptedException e) {
      throw new AssertionError("interrupted", e);
    }
  }
}
