package io.lockstep.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class RegisterHistoryTest {
  private final RegisterHistory history = new RegisterHistory(1);

  private void wrote(long value, long startNs, long endNs) {
    history.begin(0, value, startNs);
    history.end(0, value, endNs);
  }

  @Test
  void staleReadIsRefuted() {
    wrote(1, 10, 20);
    wrote(2, 30, 40);
    history.read(0, 1, 50, 60);
    assertThat(history.isRefuted()).isTrue();
  }

  @Test
  void initialValueAfterAWriteIsRefuted() {
    wrote(1, 10, 20);
    history.read(0, 0, 30, 40);
    assertThat(history.isRefuted()).isTrue();
  }

  @Test
  void valueFromTheFutureIsRefuted() {
    wrote(1, 50, 60);
    history.read(0, 1, 10, 20);
    assertThat(history.isRefuted()).isTrue();
  }

  @Test
  void concurrentWriteMayBeSeenOrNot() {
    wrote(1, 10, 20);
    wrote(2, 30, 40);
    history.read(0, 1, 35, 37);
    history.read(0, 2, 35, 37);
    assertThat(history.isRefuted()).isFalse();
  }
}
