package io.lockstep.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Tokens are ordered by term, then by sequence, both unsigned. */
class TokenTest {
  @Test
  void theTermOutweighsTheSequence() {
    assertThat(new Token(1, 99).isOlderThan(new Token(2, 1))).isTrue();
    assertThat(new Token(2, 1).isOlderThan(new Token(1, 99))).isFalse();
    assertThat(new Token(2, 1).isOlderThan(new Token(2, 2))).isTrue();
  }

  @Test
  void aTokenIsNotOlderThanItself() {
    assertThat(new Token(3, 4).isOlderThan(new Token(3, 4))).isFalse();
    assertThat(new Token(3, 4)).isEqualByComparingTo(new Token(3, 4)).hasToString("3.4");
  }

  @Test
  void noneIsOlderThanAnyOther() {
    assertThat(Token.NONE.isOlderThan(new Token(0, 1))).isTrue();
    assertThat(Token.NONE.isOlderThan(new Token(-1, -1))).isTrue();
  }

  @Test
  void numbersAreUnsigned() {
    assertThat(new Token(Long.MAX_VALUE, 0).isOlderThan(new Token(Long.MIN_VALUE, 0))).isTrue();
    assertThat(new Token(1, Long.MAX_VALUE).isOlderThan(new Token(1, -1))).isTrue();
  }

  @Test
  void shuffledTokensSortIntoTheOrderOfTheirGrants() {
    List<Token> granted = new ArrayList<>();
    for (long term = 1; term < 20; term++) {
      for (long sequence = 0; sequence < 20; sequence++) {
        granted.add(new Token(term, sequence));
      }
    }
    List<Token> shuffled = new ArrayList<>(granted);
    Collections.shuffle(shuffled, new Random(7));
    Collections.sort(shuffled);
    assertThat(shuffled).isEqualTo(granted);
  }
}
