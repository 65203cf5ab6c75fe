package io.lockstep.lockd.server;

import io.lockstep.wire.message.ClusterStatusReply;
import io.lockstep.wire.message.SessionRow;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

/**
 * Confined to the lockd agent. Who the sessions are, for people: the master knows, and what it said
 * of a session stays true.
 */
final class SessionNames {
  private final Pushers pushers;
  private final Map<Long, SessionRow> known = new HashMap<>();

  SessionNames(Pushers pushers) {
    this.pushers = pushers;
  }

  boolean knowsAll(Collection<Long> sessions) {
    return known.keySet().containsAll(sessions);
  }

  void learn(ClusterStatusReply status) {
    for (SessionRow row : status.getSessionsList()) {
      known.put(row.getSession(), row);
    }
  }

  void forget(long session) {
    known.remove(session);
  }

  /** Without text if it is not known. */
  SessionRow row(long session) {
    return known.getOrDefault(session, SessionRow.getDefaultInstance());
  }

  /** Like {@code host:4711 /mnt/photos}, or the address of its connection. */
  String of(long session) {
    SessionRow row = known.get(session);
    return row == null
        ? pushers.addressOf(session)
        : row.getHost() + ":" + row.getPid() + " " + row.getMountPoint();
  }
}
