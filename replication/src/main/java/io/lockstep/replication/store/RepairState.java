package io.lockstep.replication.store;

import io.lockstep.core.Token;
import io.lockstep.replication.heal.TakenRanges;
import io.lockstep.replication.marks.DirtyMark;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Confined to the disk agent of its object. What a heal has to know of one object beside its bytes
 * and marks. Nothing of it is durable: it speaks of this run of the daemon only, and a heal that a
 * crash has ended begins anew.
 *
 * <pre>
 *   task     who repairs it now; a later one takes it away from an earlier one
 *   cleared  what a source still shows as dirty though a client has said that it is not
 *   taken    what clients changed of a WO member, which heal leaves alone (P10)
 *   renewed  a lost object began anew in this run
 * </pre>
 */
public final class RepairState {
  private final IntConsumer onTaken;
  private long task;
  private boolean renewed;

  /** The newest dirty mark of which a clear has come in this run, or null. */
  private @Nullable DirtyMark cleared;

  private @Nullable TakenRanges taken;
  private long takenEpoch;

  /**
   * @param onTaken told how many more ranges are kept, or fewer
   */
  RepairState(IntConsumer onTaken) {
    this.onTaken = onTaken;
  }

  // ---- task

  /** The task that repairs the object; 0 = none. */
  public long task() {
    return task;
  }

  void begin(long newTask) {
    task = newTask;
  }

  public void end() {
    task = 0;
  }

  // ---- renewal

  boolean isRenewed() {
    return renewed;
  }

  /** A repair that is under way ends: it has compared bytes that are gone. */
  void onRenewed() {
    renewed = true;
    end();
  }

  /** The object has failed: a heal may renew it once more. */
  void onStopped() {
    renewed = false;
  }

  // ---- clears

  /** A clear of this dirty mark has come, whether it stood here or not. */
  public void noteCleared(Token token, long cycle) {
    cleared = DirtyMark.newer(cleared, new DirtyMark(token, cycle, 0));
  }

  /** The mark of a source, unless it was told to be cleared meanwhile. */
  public @Nullable DirtyMark uncleared(@Nullable DirtyMark ofSource) {
    boolean gone = cleared != null && DirtyMark.newer(cleared, ofSource).equals(cleared);
    return gone ? null : ofSource;
  }

  // ---- what clients changed

  /** What clients changed since this epoch was adopted, kept from now on. */
  public TakenRanges taken(long epoch) {
    if (taken == null || takenEpoch != epoch) {
      onTaken.accept(taken == null ? 0 : -taken.count());
      taken = new TakenRanges();
      takenEpoch = epoch;
    }
    return taken;
  }

  /** Notes what a client of a WO replica changes of this object under this lease. */
  public void take(long epoch, Token token, Consumer<TakenRanges> change) {
    TakenRanges ranges = taken(epoch);
    int before = ranges.count();
    ranges.touch(token);
    change.accept(ranges);
    onTaken.accept(ranges.count() - before);
  }

  public void clearTaken() {
    if (taken != null) {
      onTaken.accept(-taken.count());
      taken.clear();
    }
  }

  boolean hasTaken() {
    return taken != null && taken.isTouched();
  }

  void forgetTaken() {
    clearTaken();
    taken = null;
  }

  /** Forgets what clients changed at another epoch. */
  void forgetTaken(long epochNow) {
    if (taken != null && takenEpoch != epochNow) {
      forgetTaken();
    }
  }
}
