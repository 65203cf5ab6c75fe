package io.lockstep.simulation.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.simulation.check.LockHistory.Fence;
import io.lockstep.simulation.check.LockHistory.Hold;
import org.junit.jupiter.api.Test;

/** Each fault of locks, planted into a history, is found; without it the history is fine. */
class LockHistoryTest {
  private final LockHistory locks = new LockHistory();

  private void hold(String who, boolean exclusive, long token, long fromNs, long untilNs) {
    Fence fence = token == 0 ? Fence.NONE : new Fence(1, token);
    Hold hold = locks.granted(who, "lock", exclusive, fence, fromNs);
    locks.held(hold, untilNs);
  }

  private String problems() {
    return locks.violations().toString();
  }

  @Test
  void oneAfterTheOtherIsFine() {
    hold("a", true, 1, 0, 10);
    hold("b", false, 0, 10, 20);
    hold("c", false, 0, 12, 25);
    hold("a", true, 2, 25, 26);
    assertThat(locks.violations()).isEmpty();
  }

  @Test
  void twoHoldersAreFound() {
    hold("a", true, 0, 0, 10);
    hold("b", true, 0, 9, 12);
    assertThat(problems()).contains("a held it").contains("b held it");
  }

  @Test
  void aReaderBesideAWriterIsFound() {
    hold("a", false, 0, 0, 10);
    hold("c", false, 0, 1, 2);
    hold("b", true, 0, 5, 6);
    assertThat(problems()).contains("a held it shared").contains("b held it exclusively");
  }

  @Test
  void aWriterBesideAReaderIsFound() {
    hold("b", true, 0, 0, 10);
    hold("a", false, 0, 4, 5);
    assertThat(problems()).contains("a held it shared").contains("b held it exclusively");
  }

  @Test
  void aTokenThatDoesNotRiseIsFound() {
    hold("a", true, 2, 0, 1);
    hold("b", true, 2, 2, 3);
    assertThat(problems()).contains("tokens do not rise");
  }

  @Test
  void aTokenOfANewTermIsNewer() {
    locks.granted("a", "lock", true, new Fence(1, 9), 0);
    locks.granted("b", "lock", true, new Fence(2, 1), 5);
    assertThat(locks.violations()).isEmpty();
  }

  @Test
  void aFencedWriteIsFound() {
    locks.accepted("storage1", "object 7", new Fence(1, 1), true, 1);
    locks.accepted("storage1", "object 7", new Fence(1, 2), false, 2);
    locks.accepted("storage2", "object 7", new Fence(1, 1), true, 3);
    locks.accepted("storage1", "object 8", new Fence(1, 1), true, 3);
    assertThat(locks.violations()).isEmpty();
    locks.accepted("storage1", "object 7", new Fence(1, 1), true, 4);
    assertThat(problems()).contains("storage1 took a write with token 1.1");
  }
}
