package io.lockstep.metadata.client;

import io.lockstep.core.Agent;
import io.lockstep.core.ErrorCode;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.message.Reply;
import java.time.Duration;
import java.util.Random;

/**
 * Immutable. What a call and a renewal need to reach the master.
 *
 * @param random guards itself
 */
record Way(PeerDirectory peers, Leader leader, Agent agent, Random random) {
  /** A try that is not answered in this time is repeated: the connection may be dead. */
  static final long TRY_NS = Duration.ofSeconds(2).toNanos();

  /** The same for an acquire, which the server may hold until others let go. */
  static final long TRY_ACQUIRE_NS = Duration.ofSeconds(5).toNanos();

  private static final long PAUSE_NS = Duration.ofMillis(20).toNanos();
  private static final long PAUSE_MAX_NS = Duration.ofMillis(500).toNanos();

  long nowNs() {
    return agent.clock().nowNs();
  }

  Peer peer(String address) {
    return peers.peer(address);
  }

  Backoff newBackoff() {
    return new Backoff(random, PAUSE_NS, PAUSE_MAX_NS);
  }

  /** Whether the same request may be answered otherwise later or elsewhere. */
  static boolean isWorthRepeating(ErrorCode code) {
    return switch (code) {
      case TIMED_OUT, DISCONNECTED, BUSY, NOT_LEADER, IN_GRACE, CLOSING -> true;
      // The time of one try was over at the server: a lease or a holder's word may still come.
      case LEASE_TIMEOUT -> true;
      default -> false;
    };
  }

  /**
   * Learns from a failed try where to ask next.
   *
   * @return whether that is known, so that no pause is needed
   */
  boolean onFailure(String tried, ErrorCode code, Reply reply) {
    return switch (code) {
      // These come from the one that leads.
      case BUSY, IN_GRACE, LEASE_TIMEOUT -> false;
      default -> leader.onFailure(tried, reply.getLeader());
    };
  }
}
