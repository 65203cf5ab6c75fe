package io.lockstep.tools.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class FuseServersTest {
  private static final List<String> OLD_KERNEL = List.of("pos:\t0", "flags:\t0100002");
  private static final List<String> OF_39 = List.of("pos:\t0", "fuse_connection:\t39");

  @Test
  void descriptorServesTheConnectionThatTheKernelNames() {
    assertThat(FuseServers.isOf(39, OF_39, false)).isTrue();
    assertThat(FuseServers.isOf(3, OF_39, false)).isFalse();
    assertThat(FuseServers.isOf(39, OF_39, true)).as("the kernel knows best").isTrue();
  }

  @Test
  void whereTheKernelNamesNoneOnlyAnotherMountIsOutOfSuspicion() {
    assertThat(FuseServers.isOf(39, OLD_KERNEL, false)).isTrue();
    assertThat(FuseServers.isOf(39, OLD_KERNEL, true)).isFalse();
  }
}
