package io.lockstep.wire.netty;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Guarded by its own atomics. Logs what peers do wrong once per host and kind, so that one that
 * goes on does not fill the log; how often is in the counters.
 */
final class Complaints {
  private static final Logger log = LoggerFactory.getLogger(Complaints.class);
  private static final int REMEMBERED_MAX = 1024;

  private final Set<String> remembered = ConcurrentHashMap.newKeySet();

  void add(SocketAddress remote, String kind, String what) {
    String host =
        remote instanceof InetSocketAddress inet && inet.getAddress() != null
            ? inet.getAddress().getHostAddress()
            : String.valueOf(remote);
    if (remembered.size() < REMEMBERED_MAX && remembered.add(host + " " + kind)) {
      log.warn("connection with {} dropped: {} (logged once, then only counted)", remote, what);
    }
  }
}
