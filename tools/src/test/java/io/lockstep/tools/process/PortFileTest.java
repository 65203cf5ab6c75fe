package io.lockstep.tools.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PortFileTest {
  private static final String HOST = "127.0.0.1";

  @TempDir private Path directory;

  @Test
  void portIsKeptAsLongAsItIsFree() throws Exception {
    PortFile ports = new PortFile(directory.resolve("new").resolve("port"));
    int first = ports.choose(HOST);
    assertThat(first).isBetween(PortFile.PORT_MIN, PortFile.PORT_MAX);
    assertThat(ports.choose(HOST)).isEqualTo(first);
    try (ServerSocket taken = new ServerSocket(first, 1, InetAddress.getLoopbackAddress())) {
      int second = ports.choose(HOST);
      assertThat(second).isNotEqualTo(taken.getLocalPort());
      assertThat(ports.kept()).isEqualTo(second);
    }
  }

  @Test
  void garbageInTheFileIsNoPort() throws Exception {
    Files.writeString(directory.resolve("port"), "many");
    assertThat(new PortFile(directory.resolve("port")).kept()).isZero();
  }
}
