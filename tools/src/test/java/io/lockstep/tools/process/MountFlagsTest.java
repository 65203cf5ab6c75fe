package io.lockstep.tools.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.tools.UserError;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MountFlagsTest {
  private static MountFlags parse(String... options) throws UserError {
    return MountFlags.parse(Path.of("/mnt"), List.of(options));
  }

  @Test
  void nothingSaidIsCoherentAndBuffered() throws UserError {
    MountFlags flags = parse();
    assertThat(flags.client().writeback()).isTrue();
    assertThat(flags.mount().keepSeconds()).isZero();
    assertThat(flags.mount().readOnly()).isFalse();
  }

  @Test
  void eachOptionSetsItsPart() throws UserError {
    MountFlags flags = parse("ro", "writeback=off", "cache=loose", "lease-idle=2s", "noexec");
    assertThat(flags.client().writeback()).isFalse();
    assertThat(flags.client().leaseIdleNs()).isEqualTo(TimeUnit.SECONDS.toNanos(2));
    assertThat(flags.mount().keepSeconds()).isPositive();
    assertThat(flags.mount().readOnly()).isTrue();
    assertThat(flags.mount().kernelOptions()).containsExactly("noexec");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "cache=sometimes | unknown mount option \"cache=sometimes\"",
        "lease-idle=0    | lease-idle=0: expected seconds, like lease-idle=5",
        "lease-idle=-1   | lease-idle=-1: expected seconds, like lease-idle=5",
        "lease-idle=soon | lease-idle=soon: expected seconds, like lease-idle=5"
      })
  void whatIsNotUnderstoodIsRefused(String option, String because) {
    assertThatThrownBy(() -> parse(option))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(because);
  }
}
