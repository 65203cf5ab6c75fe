package io.lockstep.tools.process;

import io.lockstep.tools.UserError;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Immutable. The port of a daemon: found free once in 20000-29999 and kept in its directory, so
 * that it stays the same over restarts; if somebody else has taken it meanwhile, another one.
 */
public final class PortFile {
  static final int PORT_MIN = 20_000;
  static final int PORT_MAX = 29_999;
  private static final int TRIES = 200;

  private static final long KEPT_WAIT_NS = TimeUnit.SECONDS.toNanos(2);
  private static final long POLL_NS = TimeUnit.MILLISECONDS.toNanos(20);

  private final Path file;

  public PortFile(Path file) {
    this.file = file;
  }

  /** The port of before if it is still free, else another free one, which is kept from now on. */
  public int choose(String host) throws IOException, UserError {
    int kept = kept();
    if (kept != 0 && awaitFree(host, kept)) {
      return kept;
    }
    // The ports of many daemons that start together should not be tried in the same order.
    SplittableRandom random = new SplittableRandom();
    for (int i = 0; i < TRIES; i++) {
      int port = random.nextInt(PORT_MIN, PORT_MAX + 1);
      if (isFree(host, port)) {
        keep(port);
        return port;
      }
    }
    throw UserError.failed(
        "no free port found on %s in %d-%d (%d tried)", host, PORT_MIN, PORT_MAX, TRIES);
  }

  /** The port of before, or 0. */
  public int kept() throws IOException {
    try {
      int port = Integer.parseInt(Files.readString(file).trim());
      return port >= 1 && port <= 65_535 ? port : 0;
    } catch (NoSuchFileException | NumberFormatException e) {
      return 0;
    }
  }

  public void keep(int port) throws IOException {
    Files.createDirectories(file.getParent());
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    Files.writeString(fresh, port + "\n");
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
  }

  /** The sockets of a killed process outlive it by a moment. */
  private static boolean awaitFree(String host, int port) {
    long deadlineNs = System.nanoTime() + KEPT_WAIT_NS;
    while (!isFree(host, port)) {
      if (System.nanoTime() - deadlineNs >= 0) {
        return false;
      }
      LockSupport.parkNanos(POLL_NS);
    }
    return true;
  }

  static boolean isFree(String host, int port) {
    try (ServerSocket probe = new ServerSocket()) {
      probe.setReuseAddress(true);
      probe.bind(new InetSocketAddress(InetAddress.getByName(host), port));
      return true;
    } catch (IOException e) {
      return false;
    }
  }
}
