package io.lockstep.tools.process;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Immutable. Says that this process is usable: in its log, and in its ready file if it has one. */
final class Ready {
  private static final Logger LOG = LoggerFactory.getLogger(Ready.class);

  private Ready() {}

  static ReadyFile write(String role, String address, Path file) throws IOException {
    return write(role, address, null, file);
  }

  static ReadyFile write(String role, String address, String admin, Path file) throws IOException {
    long startMs = ManagementFactory.getRuntimeMXBean().getUptime();
    ReadyFile ready = new ReadyFile(role, ProcessIdentity.current(), address, startMs, admin);
    LOG.info("{} {} is ready at {} after {} ms", role, Version.TEXT, address, startMs);
    ready.write(file);
    return ready;
  }
}
