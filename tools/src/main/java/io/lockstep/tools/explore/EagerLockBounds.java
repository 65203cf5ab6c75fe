package io.lockstep.tools.explore;

import io.lockstep.core.Check;
import java.util.StringJoiner;

/**
 * Immutable. How much may happen in one exploration.
 *
 * @param writers that arrive, each at one of two ranges
 * @param readers that arrive: they need a shared lease, and a writer after them an upgrade
 * @param buffers of written bytes that are opened: each owns the lease until it is told to write
 *     back, and sends what it has as one more write
 * @param flushes of descriptors
 * @param contentions of another client that wants the lease
 * @param failures of a transaction, of an acquire, or of the lease
 * @param epochs changes of the configuration
 */
public record EagerLockBounds(
    int writers, int readers, int buffers, int flushes, int contentions, int failures, int epochs) {
  public static final int WRITERS_MAX = 4;

  /** What is looked at if nobody says otherwise; AFR knows neither readers nor buffers. */
  public static final EagerLockBounds WRITERS = new EagerLockBounds(4, 0, 0, 2, 1, 1, 1);

  public static final EagerLockBounds MIXED = new EagerLockBounds(2, 1, 1, 1, 1, 1, 1);
  public static final int OTHERS_MAX = 2;

  public EagerLockBounds {
    Check.that(0 < writers && writers <= WRITERS_MAX, "%d writers", writers);
    Check.that(0 <= readers && readers <= OTHERS_MAX, "%d readers", readers);
    Check.that(0 <= buffers && buffers <= OTHERS_MAX, "%d buffers", buffers);
    Check.that(0 <= flushes && flushes <= OTHERS_MAX, "%d flushes", flushes);
    Check.that(0 <= contentions && contentions <= 1, "%d contentions", contentions);
    Check.that(0 <= failures && failures <= OTHERS_MAX, "%d failures", failures);
    Check.that(0 <= epochs && epochs <= OTHERS_MAX, "%d epochs", epochs);
  }

  /** In words, without what there is none of. */
  @Override
  public String toString() {
    StringJoiner words = new StringJoiner(", ");
    add(words, writers, "writer");
    add(words, readers, "reader");
    add(words, buffers, "buffer");
    add(words, flushes, "flush");
    add(words, contentions, "contention");
    add(words, failures, "failure");
    add(words, epochs, "epoch");
    return words.toString();
  }

  private static void add(StringJoiner words, int count, String name) {
    if (count > 0) {
      words.add(count + " " + name + (count == 1 ? "" : name.endsWith("h") ? "es" : "s"));
    }
  }

  EagerLockBounds minus(int lessFlushes, int lessContentions, int lessFailures, int lessEpochs) {
    return new EagerLockBounds(
        writers,
        readers,
        buffers,
        flushes - lessFlushes,
        contentions - lessContentions,
        failures - lessFailures,
        epochs - lessEpochs);
  }
}
