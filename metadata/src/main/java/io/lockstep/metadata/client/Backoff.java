package io.lockstep.metadata.client;

import io.lockstep.core.Check;
import java.util.Random;

/**
 * Confined to its caller. Pauses between two tries: random, growing, bounded (decorrelated jitter),
 * so that clients that failed together do not come back together.
 */
final class Backoff {
  private final Random random;
  private final long baseNs;
  private final long maxNs;
  private long lastNs;

  Backoff(Random random, long baseNs, long maxNs) {
    Check.that(0 < baseNs && baseNs <= maxNs, "pauses from %d to %d ns", baseNs, maxNs);
    this.random = random;
    this.baseNs = baseNs;
    this.maxNs = maxNs;
    this.lastNs = baseNs;
  }

  long nextNs() {
    long rangeNs = Math.max(1, 3 * lastNs - baseNs);
    lastNs = Math.min(maxNs, baseNs + (long) (random.nextDouble() * rangeNs));
    return lastNs;
  }

  void reset() {
    lastNs = baseNs;
  }
}
