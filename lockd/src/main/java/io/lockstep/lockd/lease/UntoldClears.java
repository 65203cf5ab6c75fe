package io.lockstep.lockd.lease;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Confined to the agent of its table. The leases of one inode that were ended by force and whose
 * holders have not said that they know: they are told again with growing pauses, and lose their
 * session if they stay silent.
 */
final class UntoldClears {
  private record Clear(long lease, long sinceNs, Repeat repeat) {}

  private final long inode;
  private final LeaseBook book;
  private final Map<Long, Clear> bySession = new LinkedHashMap<>();

  UntoldClears(long inode, LeaseBook book) {
    this.inode = inode;
    this.book = book;
  }

  boolean isEmpty() {
    return bySession.isEmpty();
  }

  void add(long session, long lease, long nowNs) {
    LeaseLimits limits = book.limits;
    Repeat repeat = new Repeat(limits.recallPauseNs(), limits.recallPauseMaxNs(), nowNs);
    bySession.put(session, new Clear(lease, nowNs, repeat));
    book.link(session, inode);
    book.emit(new Effect.TellCleared(session, inode, lease));
  }

  boolean contains(long session) {
    return bySession.containsKey(session);
  }

  /** The session has said that it does not hold this lease, or a newer one. */
  void onKnown(long session, long lease) {
    Clear clear = bySession.get(session);
    if (clear != null && clear.lease <= lease) {
      bySession.remove(session);
    }
  }

  void forget(long session) {
    bySession.remove(session);
  }

  void onTick(long nowNs) {
    bySession.forEach(
        (session, clear) -> {
          if (!clear.repeat.isDue(nowNs)) {
            return;
          }
          book.emit(new Effect.TellCleared(session, inode, clear.lease));
          if (nowNs - clear.sinceNs >= book.limits.recallLimitNs()) {
            book.emit(
                new Effect.AskEndSession(
                    session, "it does not hear that lease " + clear.lease + " was cleared"));
          }
        });
  }
}
