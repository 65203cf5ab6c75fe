package io.lockstep.replication.client;

import io.lockstep.core.Check;
import io.lockstep.core.Limits;
import java.util.concurrent.TimeUnit;

/**
 * Immutable. How a mount buffers and keeps leases.
 *
 * @param writeback false: every write returns only when each RW member has received it
 * @param leaseIdleNs a lease without owners is released after this
 * @param flushAgeNs buffered bytes are sent after this at the latest
 * @param postOpQuietNs dirty marks of a file are cleared when it was not written for this long
 * @param postOpAgeMaxNs and after this while it is written all the time
 * @param bufferBytesMax bytes buffered or in flight, of all files together
 * @param flushesInFlightMax write requests in flight, of all files together
 * @param drainNs after a recall, waiters of this mount are served for at most this long
 */
public record ClientOptions(
    boolean writeback,
    long leaseIdleNs,
    long flushAgeNs,
    long postOpQuietNs,
    long postOpAgeMaxNs,
    long bufferBytesMax,
    int flushesInFlightMax,
    long drainNs) {
  public static final ClientOptions DEFAULT =
      new ClientOptions(
          true,
          TimeUnit.SECONDS.toNanos(5),
          TimeUnit.MILLISECONDS.toNanos(50),
          TimeUnit.SECONDS.toNanos(1),
          TimeUnit.SECONDS.toNanos(10),
          64L << 20,
          16,
          TimeUnit.SECONDS.toNanos(1));

  public ClientOptions {
    Check.that(leaseIdleNs > 0 && flushAgeNs > 0, "lease idle and flush age must be positive");
    Check.that(
        bufferBytesMax >= 2L * Limits.PAYLOAD_BYTES_MAX,
        "the buffer of %d bytes holds fewer than two requests",
        bufferBytesMax);
    Check.that(flushesInFlightMax > 0, "no flush may be in flight");
  }

  public ClientOptions withWriteback(boolean on) {
    return new ClientOptions(
        on,
        leaseIdleNs,
        flushAgeNs,
        postOpQuietNs,
        postOpAgeMaxNs,
        bufferBytesMax,
        flushesInFlightMax,
        drainNs);
  }

  public ClientOptions withLeaseIdleNs(long idleNs) {
    return new ClientOptions(
        writeback,
        idleNs,
        flushAgeNs,
        postOpQuietNs,
        postOpAgeMaxNs,
        bufferBytesMax,
        flushesInFlightMax,
        drainNs);
  }
}
