package io.lockstep.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The numbers are what travels and what is stored: they must never change. */
class ErrorCodeTest {
  @Test
  void numbersAreUnique() {
    assertThat(Arrays.stream(ErrorCode.values()).map(ErrorCode::number)).doesNotHaveDuplicates();
  }

  @Test
  void eachNumberFindsItsCode() {
    for (ErrorCode code : ErrorCode.values()) {
      assertThat(ErrorCode.ofNumber(code.number())).isSameAs(code);
    }
  }

  @Test
  void aNumberOfALaterVersionIsAnIoError() {
    for (int number : new int[] {-1, 3, 199, 255, 256, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
      assertThat(ErrorCode.ofNumber(number)).isSameAs(ErrorCode.IO_ERROR);
    }
  }

  @Test
  void onlyOkHasNoErrno() {
    for (ErrorCode code : ErrorCode.values()) {
      assertThat(code.errno() == 0).as(code.name()).isEqualTo(code.isOk());
    }
  }

  @Test
  void posixCodesHaveTheErrnoAsTheirNumber() {
    for (ErrorCode code : ErrorCode.values()) {
      if (code.number() < 200) {
        assertThat(code.errno()).as(code.name()).isEqualTo(code.number());
      }
    }
  }

  @Test
  void numbersOfTheFirstVersionStand() {
    String numbers =
        Arrays.stream(ErrorCode.values())
            .filter(code -> code.number() >= 200)
            .map(code -> code.name() + "=" + code.number())
            .collect(Collectors.joining(" "));
    assertThat(numbers)
        .contains("TIMED_OUT=200 DISCONNECTED=201 BUSY=210 STALE_EPOCH=211 STALE_TOKEN=212")
        .contains("NOT_READABLE=213 SET_CLOSED=214 NOT_ENOUGH_REPLICAS=215 NO_REPLICA=216")
        .contains("NOT_LEADER=220 SESSION_ENDED=221 ANSWERED_BEFORE=222 IN_GRACE=223")
        .contains("BAD_REQUEST=240 UNAUTHENTICATED=241 WRONG_VERSION=242 WRONG_CLUSTER=243");
  }

  @Test
  void okIsNoOutcomeThatCanBeThrown() {
    assertThatThrownBy(() -> new Outcome(ErrorCode.OK, ""))
        .isInstanceOf(Check.BrokenInvariant.class);
    assertThat(new Outcome(ErrorCode.BUSY, "")).hasMessage("BUSY");
    assertThat(new Outcome(ErrorCode.BUSY, "full")).hasMessage("full");
  }
}
