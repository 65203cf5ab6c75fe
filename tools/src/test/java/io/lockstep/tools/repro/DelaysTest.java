package io.lockstep.tools.repro;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.tools.UserError;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DelaysTest {
  @Test
  void windowOfTheBugIsHeldOpenByDefault() throws Exception {
    assertThat(Delays.parse(List.of()).texts()).containsExactly("wake=0..20");
    assertThat(Delays.parse(List.of()).drawNs(Delays.Point.LOCK)).isZero();
  }

  @Test
  void delaysAreDrawnBetweenTheirBounds() throws Exception {
    Delays delays = Delays.parse(List.of("wake=3..5", "unlock=2"));
    assertThat(delays.texts()).containsExactly("wake=3..5", "unlock=2..2");
    for (int i = 0; i < 100; i++) {
      assertThat(delays.drawNs(Delays.Point.WAKE))
          .isBetween(TimeUnit.MILLISECONDS.toNanos(3), TimeUnit.MILLISECONDS.toNanos(5));
    }
    assertThat(Delays.parse(delays.texts()).texts()).isEqualTo(delays.texts());
  }

  @ParameterizedTest
  @ValueSource(strings = {"wake", "wake=", "wake=a..b", "sleep=1..2", "wake=9..1", "wake=-1..1"})
  void whatIsNoDelayIsMisuse(String text) {
    assertThatThrownBy(() -> Delays.parse(List.of(text)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(text);
  }
}
