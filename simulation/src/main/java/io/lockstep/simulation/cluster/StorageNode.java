package io.lockstep.simulation.cluster;

import io.lockstep.core.Outcome;
import io.lockstep.replication.server.StorageAgents;
import io.lockstep.replication.server.StorageDaemon;
import io.lockstep.replication.server.StorageDaemonOptions;
import io.lockstep.simulation.disk.SimDisk;
import io.lockstep.simulation.world.SimHost;
import io.lockstep.simulation.world.SimNetwork;
import io.lockstep.wire.PeerDirectory;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * Confined to the thread of the simulation. A storage daemon's process, one run after another, on a
 * disk that outlives them.
 */
public final class StorageNode {
  private final SimHost host;
  private final SimNetwork network;
  private final SimDisk disk;
  private final Random random;
  private final Variants variants;
  private final int number;
  private StorageDaemon daemon;
  private boolean losesPower = true;
  private Runnable told = () -> {};

  StorageNode(
      SimHost host,
      SimNetwork network,
      SimDisk disk,
      Random random,
      Variants variants,
      int number) {
    this.host = host;
    this.network = network;
    this.disk = disk;
    this.random = random;
    this.variants = variants;
    this.number = number;
  }

  public SimHost host() {
    return host;
  }

  public SimDisk disk() {
    return disk;
  }

  public String address() {
    return "storage:" + number;
  }

  public UUID id() {
    return new UUID(0x5707, number);
  }

  /** The daemon of the present run, or null. */
  public StorageDaemon daemon() {
    return host.isUp() ? daemon : null;
  }

  /** Begins a run. */
  public void start() {
    host.restart();
    host.onCrash(this::onStopped);
    long[] incarnation = new long[1];
    PeerDirectory[] peers = new PeerDirectory[1];
    StorageAgents agents =
        new StorageAgents(
            host.newAgent("control"),
            List.of(host.newAgent("disk0"), host.newAgent("disk1")),
            this::onIo,
            () -> {});
    StorageDaemonOptions usual = StorageDaemonOptions.of(disk.root(), List.of(MasterNode.ADDRESS));
    StorageDaemonOptions options =
        new StorageDaemonOptions(
            usual.directory(),
            usual.masters(),
            0,
            id(),
            "",
            "simulated",
            1 << 20,
            64,
            usual.heartbeatNs(),
            usual.callTimeoutNs(),
            TimeUnit.SECONDS.toNanos(30));
    variants.directory.accept(disk.root());
    try {
      daemon =
          StorageDaemon.open(
              options,
              address -> peers[0].peer(address),
              agents,
              failure -> exit("ends: " + failure.getMessage()),
              new StorageDaemon.Parts(
                  directory -> variants.rows.apply(disk.openRows()),
                  variants.markRules,
                  variants.healRules));
    } catch (Outcome e) {
      exit("cannot start: " + e.getMessage());
      return;
    }
    incarnation[0] = daemon.incarnation();
    peers[0] =
        variants.peers.wrap(
            "storage",
            network.peers(
                new SimNetwork.Who(
                    host, "storage", () -> 0, id(), incarnation[0], (address, push) -> {})));
    network.listen(host, address(), variants.handlers.wrap(host.name(), daemon));
    daemon.start(address());
  }

  /** As main does; not in the middle of a step. */
  private void exit(String reason) {
    host.time().note(host.name(), reason);
    int life = host.life();
    host.time()
        .at(
            host.time().nowNs(),
            "exit",
            () -> {
              if (host.isUp() && host.life() == life) {
                kill(false);
              }
            });
  }

  private void onIo(Runnable task) {
    long takesNs = disk.syncNs() / 2 + (long) (random.nextDouble() * disk.syncNs());
    host.after(takesNs, "io", task);
  }

  /** The process dies; what it wrote is in the memory of the machine, or gone with the power. */
  public void kill(boolean power) {
    losesPower = power;
    host.crash();
    losesPower = true;
  }

  /** Told after each end of a run. */
  public void onStop(Runnable listener) {
    told = listener;
  }

  private void onStopped() {
    daemon = null;
    disk.onProcessEnded();
    if (losesPower) {
      disk.onPowerLost();
    }
    told.run();
  }
}
