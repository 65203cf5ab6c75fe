package io.lockstep.core;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.concurrent.TimeUnit;

/**
 * Guarded by its own lock. The machine's clock.
 *
 * <p>{@code System.nanoTime} stands still while the machine is suspended, so a holder that slept
 * could believe in a lease that has ended (P13). The wall clock shows that something happened: if
 * it moved against {@code nanoTime} by more than {@value #STEP_MS} ms, the time since boot
 * including suspend is read from {@code /proc/uptime}, and what {@code nanoTime} missed is added
 * from then on. A wall clock that was merely set changes nothing. Where there is no such file this
 * clock stands still in suspend; the fence on the replicas (I1) holds without it.
 */
public final class SystemClock implements Clock {
  public static final SystemClock INSTANCE =
      new SystemClock(
          new Sources() {
            @Override
            public long monotonicNs() {
              return System.nanoTime();
            }

            @Override
            public long wallMs() {
              return System.currentTimeMillis();
            }

            @Override
            public long uptimeNs() {
              return readUptimeNs();
            }
          });

  static final long STEP_MS = 50;

  /** The file counts hundredths of a second. */
  private static final long UPTIME_GRAIN_NS = TimeUnit.MILLISECONDS.toNanos(10);

  private static final long UNKNOWN = -1;

  /** What the machine tells. */
  interface Sources {
    /** Stands still in suspend. */
    long monotonicNs();

    long wallMs();

    /** Since boot, with suspend; negative if not known. */
    long uptimeNs();
  }

  private final Sources sources;
  private final Object lock = new Object();

  /** Uptime less the monotonic clock, when nothing was suspended yet. */
  private final long baseNs;

  private final boolean isUptimeKnown;

  /** Wall clock less monotonic clock, when last looked at. */
  private volatile long wallDifferenceMs;

  /** How much the monotonic clock missed; never falls. */
  private volatile long suspendedNs;

  @GuardedBy("lock")
  private long checks;

  SystemClock(Sources sources) {
    this.sources = sources;
    long uptime = sources.uptimeNs();
    long monotonic = sources.monotonicNs();
    this.isUptimeKnown = uptime >= 0;
    this.baseNs = uptime - monotonic;
    this.wallDifferenceMs = sources.wallMs() - TimeUnit.NANOSECONDS.toMillis(monotonic);
  }

  @Override
  public long nowNs() {
    long monotonic = sources.monotonicNs();
    long difference = sources.wallMs() - TimeUnit.NANOSECONDS.toMillis(monotonic);
    if (isUptimeKnown && Math.abs(difference - wallDifferenceMs) > STEP_MS) {
      onWallStep(difference);
    }
    return monotonic + suspendedNs;
  }

  private void onWallStep(long difference) {
    synchronized (lock) {
      // In this order and rounded up: a lease may seem older than it is, never younger.
      long monotonic = sources.monotonicNs();
      long uptime = sources.uptimeNs();
      long missed = uptime - monotonic - baseNs;
      if (uptime >= 0 && missed > suspendedNs + 2 * UPTIME_GRAIN_NS) {
        suspendedNs = missed + UPTIME_GRAIN_NS;
      }
      wallDifferenceMs = difference;
      checks++;
    }
  }

  /** How often the wall clock moved. */
  long checks() {
    synchronized (lock) {
      return checks;
    }
  }

  private static long readUptimeNs() {
    try {
      String text = Files.readString(Path.of("/proc/uptime"), StandardCharsets.US_ASCII);
      double seconds = Double.parseDouble(text.substring(0, text.indexOf(' ')));
      return (long) (seconds * 1e9);
    } catch (IOException | RuntimeException e) {
      return UNKNOWN; // Not Linux, or not our /proc.
    }
  }

  @Override
  public long wallTimeNs() {
    Instant now = Instant.now();
    return now.getEpochSecond() * 1_000_000_000L + now.getNano();
  }
}
