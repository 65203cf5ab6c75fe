package io.lockstep.replication.client;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Guarded by its own atomic counter. One open(2) of a file: remembers which lost writes were
 * reported to it.
 */
public final class Descriptor {
  private final boolean direct;
  private final AtomicLong lossesSeen;

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
}
