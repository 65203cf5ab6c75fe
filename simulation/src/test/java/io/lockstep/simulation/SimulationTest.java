package io.lockstep.simulation;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.simulation.cluster.Variants;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whole clusters of production classes, one seed after another; {@code -Dseed=N} runs one. */
@Timeout(5_400)
class SimulationTest {
  private static final int OPERATIONS = 300;
  private static final int LONG_OPERATIONS = 1_000;
  private static final int SEEDS = Integer.getInteger("seeds", 100);

  /** Minutes of new seeds instead of the fixed ones: the long runs. */
  private static final int MINUTES = Integer.getInteger("simulation.minutes", 0);

  private static Simulation.Result run(long seed) {
    return run(seed, OPERATIONS);
  }

  private static Simulation.Result run(long seed, int operations) {
    return new Simulation(seed, operations, Variants.production(), Fault.usual()).run(note -> {});
  }

  @Test
  void nothingIsViolatedUnderFaults() {
    long first = Long.getLong("seed", 1);
    int faults = 0;
    int operations = 0;
    for (int i = 0; i < (Long.getLong("seed") == null ? SEEDS : 1); i++) {
      Simulation.Result result = run(first + i, LONG_OPERATIONS);
      assertThat(result.problems())
          .as(
              "seed %d with %s:%n%s",
              result.seed(), result.faults(), String.join("\n", result.story()))
          .isEmpty();
      faults += result.faultsHappened();
      operations += result.operations();
    }
    // Not vacuous: things went wrong while applications worked.
    assertThat(faults).isGreaterThan(SEEDS);
    assertThat(operations).isGreaterThan(SEEDS * LONG_OPERATIONS / 2);
  }

  @Test
  void theSameSeedGivesTheSameTrace() {
    for (long seed = 300; seed < 304; seed++) {
      Simulation.Result once = run(seed);
      Simulation.Result again = run(seed);
      assertThat(again.traceHash()).isEqualTo(once.traceHash());
      assertThat(again.events()).isEqualTo(once.events());
    }
    assertThat(run(301).traceHash()).isNotEqualTo(run(302).traceHash());
  }

  /** Another process has other identity hashes, other salts of sets, other threads. */
  @Test
  void theSameSeedGivesTheSameTraceInAnotherJvm() throws Exception {
    Process other =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-Xmx400m",
                "-XX:TieredStopAtLevel=1",
                "-Dlogback.configurationFile=" + Path.of("silent.xml").toAbsolutePath(),
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                Simulate.class.getName(),
                "--seed",
                "310",
                "--seeds",
                "2",
                "--operations",
                String.valueOf(OPERATIONS))
            .redirectErrorStream(true)
            .start();
    String told = new String(other.getInputStream().readAllBytes(), UTF_8);
    assertThat(other.waitFor()).as(told).isZero();
    for (long seed = 310; seed < 312; seed++) {
      assertThat(told).contains(String.format("trace %016x", run(seed).traceHash()));
    }
  }

  /** Seeds that nobody has run; the first is said, and each that fails. */
  @Test
  void newSeedsForALongTime() {
    long endNs = System.nanoTime() + TimeUnit.MINUTES.toNanos(MINUTES);
    long first = 1_000 * LocalDate.now(ZoneOffset.UTC).toEpochDay();
    List<String> violated = new ArrayList<>();
    long seed = first;
    for (; System.nanoTime() - endNs < 0; seed++) {
      Simulation.Result result = run(seed, LONG_OPERATIONS);
      if (!result.isOk()) {
        violated.add("seed " + seed + " with " + result.faults() + ": " + result.problems());
      }
    }
    System.out.printf(
        "%d new seeds of %d operations from %d%n", seed - first, LONG_OPERATIONS, first);
    assertThat(violated).isEmpty();
  }
}
