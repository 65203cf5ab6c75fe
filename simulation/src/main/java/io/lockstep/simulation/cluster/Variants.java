package io.lockstep.simulation.cluster;

import io.lockstep.core.Agent;
import io.lockstep.core.Clock;
import io.lockstep.core.Times;
import io.lockstep.fs.vfs.Names;
import io.lockstep.lockd.server.LockdServer;
import io.lockstep.metadata.catalogue.KeeperRules;
import io.lockstep.metadata.raft.ReplicatedLog;
import io.lockstep.replication.client.LockSeam;
import io.lockstep.replication.heal.HealRules;
import io.lockstep.replication.marks.MarkRules;
import io.lockstep.replication.store.RowStore;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.RequestHandler;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.netty.SessionLines;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.LongUnaryOperator;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

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
  LockSeam lockSeam = LockSeam.PRODUCTION;
  PeersWrapper peers = (role, peers) -> peers;
  UnaryOperator<RowStore> rows = UnaryOperator.identity();
  Consumer<Path> directory = root -> {};
  UnaryOperator<ReplicatedLog> log = UnaryOperator.identity();
  HandlerWrapper handlers = (host, handler) -> handler;

  /** Makes a lockd. */
  public interface LockdMaker {
    LockdServer make(Peer master, LongUnaryOperator epochOf, Agent agent, Times times);
  }

  /** Makes what a mount remembers of names. */
  public interface NamesMaker {
    Names make(Clock clock, Times times, Consumer<Request> tell);
  }

  /** Stands between a process and those whom it asks. */
  public interface PeersWrapper {
    /**
     * @param role mount, storage or master
     */
    PeerDirectory wrap(String role, PeerDirectory peers);
  }

  /** Stands between a process and those who ask it. */
  public interface HandlerWrapper {
    RequestHandler wrap(String host, RequestHandler handler);
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

  /** The decisions of the eager lock. */
  public Variants withLockSeam(LockSeam seam) {
    lockSeam = seam;
    return this;
  }

  /** Messages that processes send are changed, or not sent at all. */
  public Variants withPeers(PeersWrapper wrapper) {
    peers = wrapper;
    return this;
  }

  /** What keeps the rows of a storage daemon. */
  public Variants withRows(UnaryOperator<RowStore> wrapper) {
    rows = wrapper;
    return this;
  }

  /** What happens to the directory of a storage daemon before each of its runs. */
  public Variants withDirectory(Consumer<Path> change) {
    directory = change;
    return this;
  }

  /** What the master reads and writes its state through. */
  public Variants withLog(UnaryOperator<ReplicatedLog> wrapper) {
    UnaryOperator<ReplicatedLog> before = log;
    log = opened -> wrapper.apply(before.apply(opened));
    return this;
  }

  /** Storage daemons and the master are watched, or answer something else. */
  public Variants withHandlers(HandlerWrapper wrapper) {
    HandlerWrapper before = handlers;
    handlers = (host, handler) -> wrapper.wrap(host, before.wrap(host, handler));
    return this;
  }
}
