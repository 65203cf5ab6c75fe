package io.lockstep.metadata.client;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.Check;
import java.util.List;

/**
 * Guarded by its own lock. Which of the masters is asked: the one that a refusal named, else the
 * next in turn after each one that failed.
 */
final class Leader {
  private final List<String> addresses;
  private final Object lock = new Object();

  @GuardedBy("lock")
  private String current;

  @GuardedBy("lock")
  private int turn;

  Leader(List<String> addresses) {
    Check.that(!addresses.isEmpty(), "no master address is given");
    this.addresses = List.copyOf(addresses);
    this.current = this.addresses.get(0);
  }

  String current() {
    synchronized (lock) {
      return current;
    }
  }

  /**
   * {@code tried} did not answer, or does not lead. Does nothing if another is asked already.
   *
   * @param hint where the leader is said to be; empty = not known
   * @return whether the one to ask now was named by a master that is alive
   */
  boolean onFailure(String tried, String hint) {
    synchronized (lock) {
      if (!current.equals(tried)) {
        return true;
      }
      if (!hint.isEmpty() && !hint.equals(tried)) {
        current = hint;
        return true;
      }
      turn = (turn + 1) % addresses.size();
      current = addresses.get(turn);
      return false;
    }
  }
}
