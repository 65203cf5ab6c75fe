package io.lockstep.core;

import java.time.Instant;

/**
 * Immutable. The machine's clock.
 *
 * <p>{@code System.nanoTime} is CLOCK_MONOTONIC, which stands still in suspend; a holder that slept
 * may believe in a lease that has ended. The fence on the replicas (I1) still refuses its writes;
 * until the clock port reads CLOCK_BOOTTIME the shorter reaction of P13 is not given.
 */
public final class SystemClock implements Clock {
  public static final SystemClock INSTANCE = new SystemClock();

  private SystemClock() {}

  @Override
  public long nowNs() {
    return System.nanoTime();
  }

  @Override
  public long wallTimeNs() {
    Instant now = Instant.now();
    return now.getEpochSecond() * 1_000_000_000L + now.getNano();
  }
}
