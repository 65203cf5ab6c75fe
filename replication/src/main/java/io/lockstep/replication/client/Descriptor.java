package io.lockstep.replication.client;

import io.lockstep.core.Limits;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Guarded by its own atomic counters. One open(2) of a file: remembers which lost writes were
 * reported to it.
 *
 * <p>The kernel cuts a long write(2) into requests, and when a later one fails, it answers with the
 * bytes before it: the error is heard by nobody. So a loss that is told to a request which may be
 * such a piece does not count as reported, and the next call is told again.
 */
public final class Descriptor {
  /** The kernel cuts between pages, and after as much as one request takes. */
  private static final int PAGE_BYTES = 4096;

  private static final long NOWHERE = -1;

  private final boolean direct;
  private final AtomicLong lossesSeen;

  /** Where the next piece of the write that came last would be, if there is one. */
  private final AtomicLong nextPiece = new AtomicLong(NOWHERE);

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

  /** A write was accepted. */
  void wrote(long end, int length) {
    boolean maybeCut = end % PAGE_BYTES == 0 || length == Limits.PAYLOAD_BYTES_MAX;
    nextPiece.set(maybeCut ? end : NOWHERE);
  }
}
