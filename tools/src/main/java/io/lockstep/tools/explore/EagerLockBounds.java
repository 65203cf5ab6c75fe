package io.lockstep.tools.explore;

import io.lockstep.core.Check;

/**
 * Immutable. How much may happen in one exploration.
 *
 * @param writers that arrive, each at one of two ranges
 * @param flushes of descriptors
 * @param contentions of another client that wants the lease
 * @param failures of a transaction, of an acquire, or of the lease
 * @param epochs changes of the configuration
 */
public record EagerLockBounds(int writers, int flushes, int contentions, int failures, int epochs) {
  public static final int WRITERS_MAX = 4;
  public static final int OTHERS_MAX = 2;

  public EagerLockBounds {
    Check.that(0 < writers && writers <= WRITERS_MAX, "%d writers", writers);
    Check.that(0 <= flushes && flushes <= OTHERS_MAX, "%d flushes", flushes);
    Check.that(0 <= contentions && contentions <= 1, "%d contentions", contentions);
    Check.that(0 <= failures && failures <= OTHERS_MAX, "%d failures", failures);
    Check.that(0 <= epochs && epochs <= OTHERS_MAX, "%d epochs", epochs);
  }

  EagerLockBounds minus(int lessFlushes, int lessContentions, int lessFailures, int lessEpochs) {
    return new EagerLockBounds(
        writers,
        flushes - lessFlushes,
        contentions - lessContentions,
        failures - lessFailures,
        epochs - lessEpochs);
  }
}
