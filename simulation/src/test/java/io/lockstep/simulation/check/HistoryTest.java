package io.lockstep.simulation.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.simulation.check.History.Promise;
import io.lockstep.simulation.check.History.Write;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What was acknowledged is there after crashes: each loss that is not excused is found. */
class HistoryTest {
  private final History history = new History();
  private long nowNs;

  private long tick() {
    return ++nowNs;
  }

  private Write write(String who) {
    Write write = history.begin(who, "file", 0, 2, tick());
    history.end(write, Promise.ACCEPTED, tick());
    return write;
  }

  private void cut(String who) {
    Write cut = history.beginCut(who, "file", 1, 10, tick());
    history.end(cut, Promise.RECEIVED, tick());
  }

  private void read(String who, int cell, int value) {
    history.read(who, "file", cell, value, tick(), tick());
  }

  private void keep(String who, Promise promise) {
    history.kept(who, "file", promise, 0, tick());
  }

  @Test
  void whatWasOnlyAcceptedMayGoWithItsClient() {
    int value = write("a").value();
    read("a", 0, value);
    history.lost("a", null, tick());
    read("b", 0, 0);
    assertThat(history.violations()).isEmpty();
  }

  @Test
  void whatOthersSawMayNotGoWithItsClient() {
    int value = write("a").value();
    read("b", 0, value);
    history.lost("a", null, tick());
    read("b", 0, 0);
    assertThat(history.violations()).hasSize(1);
  }

  @Test
  void whatWasFlushedStaysWhenItsClientDies() {
    write("a");
    keep("a", Promise.RECEIVED);
    history.lost("a", null, tick());
    read("b", 0, 0);
    assertThat(history.violations()).hasSize(1);
    assertThat(history.violations().get(0).object()).isEqualTo("file cell 0");
    assertThat(history.story("file cell 0")).hasSize(2);
  }

  @Test
  void whatWasFlushedMayGoWithAllReplicas() {
    write("a");
    keep("a", Promise.RECEIVED);
    history.blackout(tick());
    read("b", 0, 0);
    assertThat(history.violations()).isEmpty();
  }

  @Test
  void whatWasSyncedStaysInAnyCase() {
    write("a");
    keep("a", Promise.DURABLE);
    history.blackout(tick());
    history.lost("a", null, tick());
    read("b", 1, 0);
    assertThat(history.violations()).hasSize(1);
  }

  @Test
  void aSyncOfAnotherClientPromisesNothing() {
    write("a");
    keep("b", Promise.DURABLE);
    history.lost("a", null, tick());
    read("b", 1, 0);
    assertThat(history.violations()).isEmpty();
  }

  @Test
  void zerosAfterATruncationAreFine() {
    write("a");
    cut("b");
    read("c", 1, 0);
    assertThat(history.violations()).isEmpty();
  }

  @Test
  void whatComesBackAfterATruncationIsFound() {
    int value = write("a").value();
    cut("b");
    read("c", 1, value);
    assertThat(history.violations()).hasSize(1);
  }

  @Test
  void zerosAfterAWriteThatFollowedTheTruncationAreFound() {
    cut("b");
    write("a");
    read("c", 1, 0);
    assertThat(history.violations()).hasSize(1);
  }

  @Test
  void aMillionOperationsOnManyCellsTakeSeconds() {
    Random random = new Random(1);
    int cells = 64;
    int[] values = new int[cells];
    long startNs = System.nanoTime();
    for (int i = 0; i < 1_000_000; i++) {
      int cell = random.nextInt(cells);
      if (random.nextInt(4) == 0) {
        Write write = history.begin("a", "file", cell, 1, tick());
        history.end(write, Promise.ACCEPTED, tick());
        values[cell] = write.value();
      } else {
        read("b", cell, values[cell]);
      }
      if (i % 1000 == 0) {
        keep("a", Promise.DURABLE);
      }
    }
    assertThat(history.violations()).isEmpty();
    long tookNs = System.nanoTime() - startNs;
    System.out.printf("10^6 operations: %d ms%n", TimeUnit.NANOSECONDS.toMillis(tookNs));
    assertThat(tookNs).isLessThan(TimeUnit.SECONDS.toNanos(2 + 5));
  }
}
