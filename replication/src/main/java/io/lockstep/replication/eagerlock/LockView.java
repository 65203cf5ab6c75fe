package io.lockstep.replication.eagerlock;

import io.lockstep.core.Token;
import java.util.List;

/**
 * Immutable. An eager lock as people are shown it.
 *
 * @param held null = nothing
 * @param lease that is held, else the newest that was asked for
 * @param owners operations that run, like {@code WRITE[0,4096)} or {@code HOLD[0,)}
 * @param waiting operations that wait for a lease or for the range of an owner
 * @param frozen operations that wait for the next lease
 * @param timer one is armed
 * @param release the lease goes when the owners are done
 */
public record LockView(
    State state,
    Mode held,
    long lease,
    Token token,
    long epoch,
    long cycle,
    List<String> owners,
    List<String> waiting,
    List<String> frozen,
    boolean timer,
    boolean release,
    boolean lost) {
  static LockView of(EagerLock lock) {
    return new LockView(
        lock.state,
        lock.held.mode(),
        lock.held.isHeld() ? lock.held.id() : lock.asked.id(),
        lock.held.token(),
        lock.held.epoch(),
        lock.cycles.current(),
        lock.operations.owners().stream().map(LockView::text).toList(),
        lock.operations.waiting().stream().map(LockView::text).toList(),
        lock.operations.frozen().stream().map(LockView::text).toList(),
        lock.timer.isArmed(),
        lock.drain.isReleasing(),
        lock.held.isLost());
  }

  private static String text(Operations.Tx tx) {
    String end = tx.range().end() == Long.MAX_VALUE ? "" : String.valueOf(tx.range().end());
    return tx.range().isEmpty()
        ? tx.kind().name()
        : tx.kind() + "[" + tx.range().offset() + "," + end + ")";
  }
}
