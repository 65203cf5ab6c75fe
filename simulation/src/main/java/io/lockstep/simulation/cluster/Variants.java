package io.lockstep.simulation.cluster;

import io.lockstep.core.Agent;
import io.lockstep.core.Times;
import io.lockstep.lockd.server.LockdServer;
import io.lockstep.replication.heal.HealRules;
import io.lockstep.replication.marks.MarkRules;
import io.lockstep.wire.Peer;
import java.util.function.LongUnaryOperator;

/**
 * Immutable. The decisions of the protocol that a cluster is built with: production's, or with one
 * of them changed to see whether the simulator notices.
 */
public record Variants(MarkRules markRules, HealRules healRules, LockdMaker lockd) {
  public static final Variants PRODUCTION =
      new Variants(MarkRules.DEFAULT, HealRules.DEFAULT, LockdServer::new);

  /** Makes a lockd. */
  public interface LockdMaker {
    LockdServer make(Peer master, LongUnaryOperator epochOf, Agent agent, Times times);
  }

  public Variants with(MarkRules rules) {
    return new Variants(rules, healRules, lockd);
  }

  public Variants with(HealRules rules) {
    return new Variants(markRules, rules, lockd);
  }

  public Variants with(LockdMaker maker) {
    return new Variants(markRules, healRules, maker);
  }
}
