package io.lockstep.simulation.cluster;

import io.lockstep.core.Agent;
import io.lockstep.core.Clock;
import io.lockstep.core.Times;
import io.lockstep.fs.vfs.Names;
import io.lockstep.lockd.server.LockdServer;
import io.lockstep.metadata.catalogue.KeeperRules;
import io.lockstep.replication.heal.HealRules;
import io.lockstep.replication.marks.MarkRules;
import io.lockstep.wire.Peer;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.netty.SessionLines;
import java.util.function.Consumer;
import java.util.function.LongUnaryOperator;
import java.util.function.Supplier;

/**
 * Confined to its maker until a cluster is built with it. The decisions of the protocol: those of
 * production, or with one changed to see whether the simulator notices.
 */
public final class Variants {
  MarkRules markRules = MarkRules.DEFAULT;
  HealRules healRules = HealRules.DEFAULT;
  KeeperRules keeperRules = KeeperRules.PRODUCTION;
  LockdMaker lockd = LockdServer::new;
  Supplier<SessionLines> lines = SessionLines::new;
  Times mountTimes = Times.DEFAULT;
  NamesMaker names = Names::new;

  /** Makes a lockd. */
  public interface LockdMaker {
    LockdServer make(Peer master, LongUnaryOperator epochOf, Agent agent, Times times);
  }

  /** Makes what a mount remembers of names. */
  public interface NamesMaker {
    Names make(Clock clock, Times times, Consumer<Request> tell);
  }

  private Variants() {}

  /** Nothing changed. */
  public static Variants production() {
    return new Variants();
  }

  public Variants with(MarkRules rules) {
    markRules = rules;
    return this;
  }

  public Variants with(HealRules rules) {
    healRules = rules;
    return this;
  }

  public Variants with(KeeperRules rules) {
    keeperRules = rules;
    return this;
  }

  public Variants withLockd(LockdMaker maker) {
    lockd = maker;
    return this;
  }

  public Variants withLines(Supplier<SessionLines> maker) {
    lines = maker;
    return this;
  }

  /** How long mounts believe in their leases (P13). */
  public Variants withMountTimes(Times times) {
    mountTimes = times;
    return this;
  }

  /** What mounts remember of names (P14). */
  public Variants withNames(NamesMaker maker) {
    names = maker;
    return this;
  }
}
