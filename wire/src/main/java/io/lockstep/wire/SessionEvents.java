package io.lockstep.wire;

import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.SetEpoch;
import java.util.List;

/**
 * What the owner of a client's session tells those who live by it. Called on one thread, which it
 * must not block.
 */
public interface SessionEvents {
  /**
   * The session was renewed by a request sent at {@code sentNs}: the leases live from then on
   * (P13).
   *
   * @param lockdTerm a term not seen before means that lockd moved or restarted: reclaim the leases
   * @param epochs the newest epochs of the sets of the volume
   */
  void onRenewed(long sentNs, long lockdTerm, List<SetEpoch> epochs);

  /** Something that the master or lockd sent without being asked. */
  void onPush(Push push);

  /** The session was ended by the master: nothing of it is valid any more. */
  void onSessionEnded(String reason);
}
