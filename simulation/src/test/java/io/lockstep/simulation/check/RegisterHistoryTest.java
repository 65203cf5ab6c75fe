package io.lockstep.simulation.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class RegisterHistoryTest {
  private static final int SMALL = 6;

  private record Operation(boolean write, int value, long startNs, long endNs) {}

  @Test
  void readOfTheLatestWriteIsFine() {
    RegisterHistory history = new RegisterHistory();
    history.read(0, 0, 1);
    history.write(1, 2, 4);
    history.read(0, 3, 5);
    history.read(1, 6, 7);
    assertThat(history.problem()).isNull();
  }

  @Test
  void staleReadIsFound() {
    RegisterHistory history = new RegisterHistory();
    history.write(1, 1, 2);
    history.write(2, 3, 4);
    history.read(1, 5, 6);
    assertThat(history.problem()).contains("value 1").contains("value 2");
  }

  @Test
  void readThatGoesBackIsFound() {
    RegisterHistory history = new RegisterHistory();
    history.write(1, 1, 2);
    history.write(2, 3, RegisterHistory.NEVER);
    history.read(2, 5, 6);
    history.read(1, 7, 8);
    assertThat(history.problem()).isNotNull();
  }

  @Test
  void whatNobodyWroteIsFound() {
    RegisterHistory history = new RegisterHistory();
    history.read(7, 1, 2);
    assertThat(history.problem()).contains("nobody wrote");
  }

  @Test
  void unknownWriteThatNobodyReadMeansNothing() {
    RegisterHistory history = new RegisterHistory();
    history.write(1, 1, 2);
    history.write(2, 3, RegisterHistory.NEVER);
    history.read(1, 5, 6);
    history.read(1, 50, 60);
    assertThat(history.problem()).isNull();
  }

  /** Every order of a few operations is tried: the zones must say the same. */
  @Test
  void agreesWithTryingAllOrders() {
    Random random = new Random(Long.getLong("seed", 7));
    int refuted = 0;
    for (int i = 0; i < 20_000; i++) {
      List<Operation> operations = randomHistory(random);
      RegisterHistory history = new RegisterHistory();
      for (Operation each : operations) {
        if (each.write) {
          history.write(each.value, each.startNs, each.endNs);
        } else {
          history.read(each.value, each.startNs, each.endNs);
        }
      }
      boolean fine = isLinearizable(operations, new boolean[operations.size()], 0);
      assertThat(history.problem() == null)
          .as("%s: %s", operations, history.problem())
          .isEqualTo(fine);
      refuted += fine ? 0 : 1;
    }
    assertThat(refuted).isBetween(2_000, 18_000);
  }

  private static List<Operation> randomHistory(Random random) {
    List<Operation> operations = new ArrayList<>();
    int writes = 1 + random.nextInt(3);
    // Times that differ, as those of events of one queue do.
    List<Integer> times = new ArrayList<>();
    for (int i = 0; i < 2 * SMALL; i++) {
      times.add(i);
    }
    java.util.Collections.shuffle(times, random);
    for (int i = 0; i < SMALL; i++) {
      long a = times.get(2 * i);
      long b = times.get(2 * i + 1);
      boolean write = i < writes;
      boolean unknown = write && random.nextInt(4) == 0;
      operations.add(
          new Operation(
              write,
              write ? i + 1 : random.nextInt(writes + 1),
              Math.min(a, b),
              unknown ? RegisterHistory.NEVER : Math.max(a, b)));
    }
    return operations;
  }

  /** Whether the operations that are not done yet can follow, beginning from this value. */
  private static boolean isLinearizable(List<Operation> all, boolean[] done, int value) {
    boolean rest = false;
    long firstEnd = RegisterHistory.NEVER;
    for (int i = 0; i < all.size(); i++) {
      if (!done[i]) {
        rest |= all.get(i).endNs != RegisterHistory.NEVER;
        firstEnd = Math.min(firstEnd, all.get(i).endNs);
      }
    }
    if (!rest) {
      return true;
    }
    for (int i = 0; i < all.size(); i++) {
      Operation next = all.get(i);
      boolean may = !done[i] && next.startNs <= firstEnd && (next.write || next.value == value);
      if (may) {
        done[i] = true;
        boolean fine = isLinearizable(all, done, next.write ? next.value : value);
        done[i] = false;
        if (fine) {
          return true;
        }
      }
    }
    return false;
  }

  @Test
  void aMillionOperationsTakeLessThanTwoSeconds() {
    Random random = new Random(1);
    long startNs = System.nanoTime();
    RegisterHistory history = new RegisterHistory();
    int value = 0;
    for (int i = 0; i < 1_000_000; i++) {
      long at = 10L * i;
      if (random.nextInt(4) == 0) {
        value++;
        history.write(value, at, at + 5);
      } else {
        history.read(value, at, at + 30);
      }
    }
    assertThat(history.problem()).isNull();
    long tookNs = System.nanoTime() - startNs;
    System.out.printf("10^6 operations: %d ms%n", TimeUnit.NANOSECONDS.toMillis(tookNs));
    assertThat(tookNs).isLessThan(TimeUnit.SECONDS.toNanos(2 + 5));
  }
}
