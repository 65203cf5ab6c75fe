package io.lockstep.metadata.namespace;

import io.lockstep.wire.Convert;
import io.lockstep.wire.message.Timestamp;

/**
 * Immutable. Timestamps of inodes. As ext4 does, a time out of range is taken to the end of the
 * range: here what fits into signed nanoseconds, the years 1677 to 2262.
 */
final class Timestamps {
  private static final int NANOS_PER_SECOND = 1_000_000_000;
  private static final long SECONDS_MAX = Long.MAX_VALUE / NANOS_PER_SECOND - 1;

  private Timestamps() {}

  static Timestamp ofWall(long wallTimeNs) {
    return Convert.timestamp(wallTimeNs);
  }

  static boolean isValid(Timestamp time) {
    return time.getNanos() >= 0 && time.getNanos() < NANOS_PER_SECOND;
  }

  static Timestamp inRange(Timestamp time) {
    if (Math.abs(Math.max(time.getSeconds(), -Long.MAX_VALUE)) <= SECONDS_MAX) {
      return time;
    }
    return Timestamp.newBuilder().setSeconds(Long.signum(time.getSeconds()) * SECONDS_MAX).build();
  }
}
