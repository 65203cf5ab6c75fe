package io.lockstep.replication.client;

import io.lockstep.core.Limits;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Guarded by its own atomic counters. One open(2) of a file: remembers which lost writes were
 * reported to it, and whether file locks that were taken through it were lost.
 *
 * <p>The kernel cuts a long write(2) into requests, and when a later one fails, it answers with the
 * bytes before it: the error is heard by nobody. So a loss that is told to a request which may be
 * such a piece does not count as reported, and the next call is told again.
 */
public final class Descriptor {
  /**
   * Immutable. An operation through a descriptor, which may wait for a lease.
   *
   * @param locksLost what was known of lost locks when it began
   */
  record Begun(Descriptor descriptor, long locksLost) {
    /**
     * Whether no lock was lost that the operation may rely on: it is done only if so, whatever was
     * locked anew meanwhile.
     */
    boolean hasItsLocks() {
      return descriptor.locksLost.get() == locksLost;
    }
  }

  /** The kernel cuts between pages, and after as much as one request takes. */
  private static final int PAGE_BYTES = 4096;

  private static final long NOWHERE = -1;

  private final boolean direct;
  private final AtomicLong lossesSeen;

  /** Where the next piece of the write that came last would be, if there is one. */
  private final AtomicLong nextPiece = new AtomicLong(NOWHERE);

  /** How often locks were lost, and how many of these losses are known to who locks. */
  private final AtomicLong locksLost = new AtomicLong();

  private final AtomicLong locksLostKnown = new AtomicLong();

  Descriptor(boolean direct, long lossesAtOpen) {
    this.direct = direct;
    this.lossesSeen = new AtomicLong(lossesAtOpen);
  }

  boolean direct() {
    return direct;
  }

  /** Whether there was a loss that was not reported here yet; it counts as reported from now on. */
  boolean takeLoss(long losses) {
    long seen = lossesSeen.get();
    return seen < losses && lossesSeen.compareAndSet(seen, losses);
  }

  /**
   * The same before a write.
   *
   * @param offset negative = at the end of the file
   */
  boolean takeLossBeforeWrite(long losses, long offset) {
    long piece = nextPiece.getAndSet(NOWHERE);
    boolean maybePiece = piece != NOWHERE && (offset < 0 || offset == piece);
    return maybePiece ? lossesSeen.get() < losses : takeLoss(losses);
  }

  /** File locks that were taken through it are lost: what has begun is not done any more. */
  public void loseLocks() {
    locksLost.incrementAndGet();
  }

  public boolean hasLostLocks() {
    return !begin().hasItsLocks();
  }

  /** Whether there were lost locks that were not told; they count as told from now on. */
  public boolean takeLostLocks() {
    long lost = locksLost.get();
    return locksLostKnown.getAndSet(lost) < lost;
  }

  Begun begin() {
    return new Begun(this, locksLostKnown.get());
  }

  /** A write was accepted. */
  void wrote(long end, int length) {
    boolean maybeCut = end % PAGE_BYTES == 0 || length == Limits.PAYLOAD_BYTES_MAX;
    nextPiece.set(maybeCut ? end : NOWHERE);
  }
}
