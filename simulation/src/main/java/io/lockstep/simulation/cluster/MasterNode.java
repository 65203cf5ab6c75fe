package io.lockstep.simulation.cluster;

import io.lockstep.core.Agent;
import io.lockstep.core.SetConfig;
import io.lockstep.core.Times;
import io.lockstep.lockd.server.LockdServer;
import io.lockstep.metadata.catalogue.Catalogue;
import io.lockstep.metadata.catalogue.KeeperTimes;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.metadata.raft.RaftOptions;
import io.lockstep.metadata.server.LeadershipListener;
import io.lockstep.metadata.server.MasterAgents;
import io.lockstep.metadata.server.MetadataServer;
import io.lockstep.metadata.server.MetadataServerOptions;
import io.lockstep.simulation.world.SimHost;
import io.lockstep.simulation.world.SimNetwork;
import io.lockstep.wire.LocalPeer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.RequestRouter;
import io.lockstep.wire.message.SetRecord;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/**
 * Confined to the thread of the simulation. The master's process, one run after another: the
 * production metadata server and lockd on a model of the log.
 */
public final class MasterNode {
  public static final String ADDRESS = "master:1";
  private static final long CLUSTER = 0xC1;

  private final SimHost host;
  private final SimNetwork network;
  private final Random random;
  private final Variants variants;
  private final ModelLog.Disk log = new ModelLog.Disk();
  private MetadataServer metadata;
  private ModelLog running;

  MasterNode(SimHost host, SimNetwork network, Random random, Variants variants) {
    this.host = host;
    this.network = network;
    this.random = random;
    this.variants = variants;
  }

  public SimHost host() {
    return host;
  }

  public ModelLog.Disk log() {
    return log;
  }

  /** The configuration of the volume's set as the log has it, or null. */
  public SetConfig config() {
    if (running == null) {
      return null;
    }
    try (KvStore.Snapshot state = running.store().snapshot()) {
      List<SetRecord> sets = new Catalogue(state).sets();
      return sets.isEmpty() ? null : Catalogue.config(sets.get(0));
    }
  }

  /** States that somebody in this run still reads (I9). */
  public int pinned() {
    return running == null ? 0 : running.pins().open();
  }

  public boolean isLeading() {
    return host.isUp() && metadata != null && metadata.isLeading();
  }

  /** Begins a run. */
  public void start() {
    host.restart();
    PeerDirectory peers =
        variants.peers.wrap(
            "master",
            network.peers(
                new SimNetwork.Who(host, "master", () -> 0, null, 0, (address, push) -> {})));
    Agent queries = host.newAgent("queries");
    MasterAgents agents =
        new MasterAgents(
            host.newAgent("control"),
            host.newAgent("commit"),
            queries::execute,
            () -> {},
            () -> {});
    MetadataServerOptions options =
        new MetadataServerOptions(
            Path.of("/nowhere"),
            CLUSTER,
            "simulated",
            RaftOptions.single("127.0.0.1", 0),
            Times.DEFAULT,
            KeeperTimes.DEFAULT,
            1,
            1);
    try {
      metadata =
          new MetadataServer(
              options,
              peers,
              agents,
              events -> {
                running = new ModelLog(host, random, CLUSTER, log, events);
                return variants.log.apply(running);
              },
              variants.keeperRules,
              (what, failure) -> {
                throw new AssertionError(what, failure);
              });
      LockdServer lockd = lockd();
      RequestRouter router =
          RequestRouter.builder()
              .route(lockd.observing(metadata), MetadataServer.CLIENT_KINDS)
              .route(lockd, LockdServer.CLIENT_KINDS)
              .build();
      network.listen(host, ADDRESS, variants.handlers.wrap(host.name(), router));
      metadata.announce(ADDRESS);
      metadata.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private LockdServer lockd() {
    LockdServer lockd =
        variants.lockd.make(
            new LocalPeer(metadata), metadata::epochOf, host.newAgent("lockd"), Times.DEFAULT);
    metadata.setLockd(new LocalPeer(lockd));
    metadata.addListener(
        new LeadershipListener() {
          @Override
          public void onLeading() {
            lockd.start();
          }

          @Override
          public void onFollowing() {
            lockd.stop();
          }
        });
    return lockd;
  }
}
