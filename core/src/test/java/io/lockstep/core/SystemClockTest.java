package io.lockstep.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/** The clock runs through suspend and does not follow a wall clock that is set. */
class SystemClockTest {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  /** A machine whose clocks are moved by the test. */
  private static final class Machine implements SystemClock.Sources {
    long monotonic = 1_000 * SECOND;
    long wallMs = 1_700_000_000_000L;
    long suspended = 3 * SECOND;
    boolean hasProc = true;

    void run(long ns) {
      monotonic += ns;
      wallMs += ns / 1_000_000;
    }

    void suspend(long ns) {
      suspended += ns;
      wallMs += ns / 1_000_000;
    }

    @Override
    public long monotonicNs() {
      return monotonic;
    }

    @Override
    public long wallMs() {
      return wallMs;
    }

    @Override
    public long uptimeNs() {
      long grain = TimeUnit.MILLISECONDS.toNanos(10);
      return hasProc ? (monotonic + suspended) / grain * grain : -1;
    }
  }

  private final Machine machine = new Machine();

  @Test
  void timeGoesOnInSuspend() {
    SystemClock clock = new SystemClock(machine);
    long before = clock.nowNs();
    machine.run(5 * SECOND + 123);
    assertThat(clock.nowNs() - before).isEqualTo(5 * SECOND + 123);
    machine.suspend(100 * SECOND);
    assertThat(clock.nowNs() - before).isBetween(105 * SECOND, 105 * SECOND + SECOND / 20);
    machine.run(SECOND);
    machine.suspend(100 * SECOND);
    machine.run(SECOND);
    assertThat(clock.nowNs() - before).isBetween(207 * SECOND, 207 * SECOND + SECOND / 20);
  }

  @Test
  void aWallClockThatIsSetChangesNothing() {
    SystemClock clock = new SystemClock(machine);
    long before = clock.nowNs();
    machine.wallMs += 3_600_000;
    machine.run(SECOND);
    assertThat(clock.nowNs() - before).isEqualTo(SECOND);
    machine.wallMs -= 7_200_000;
    machine.run(SECOND);
    assertThat(clock.nowNs() - before).isEqualTo(2 * SECOND);
    assertThat(clock.checks()).isEqualTo(2);
  }

  @Test
  void aSlowlyDriftingWallClockNeverMovesIt() {
    SystemClock clock = new SystemClock(machine);
    long before = clock.nowNs();
    for (int i = 0; i < 1000; i++) {
      machine.run(SECOND);
      machine.wallMs += 1;
      assertThat(clock.nowNs() - before).isEqualTo((i + 1) * SECOND);
    }
  }

  @Test
  void withoutUptimeItIsTheMonotonicClock() {
    machine.hasProc = false;
    SystemClock clock = new SystemClock(machine);
    long before = clock.nowNs();
    machine.suspend(100 * SECOND);
    machine.run(SECOND);
    assertThat(clock.nowNs() - before).isEqualTo(SECOND);
  }

  @Test
  void theRealOneRises() {
    long last = SystemClock.INSTANCE.nowNs();
    for (int i = 0; i < 100_000; i++) {
      long now = SystemClock.INSTANCE.nowNs();
      assertThat(now >= last).isTrue();
      last = now;
    }
    assertThat(SystemClock.INSTANCE.wallTimeNs() / 1_000_000)
        .isCloseTo(System.currentTimeMillis(), Offset.offset(60_000L));
  }
}
