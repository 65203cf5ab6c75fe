package io.lockstep.simulation.cluster;

import io.lockstep.simulation.disk.SimDisk;
import io.lockstep.simulation.world.Fibers;
import io.lockstep.simulation.world.SimHost;
import io.lockstep.simulation.world.SimNetwork;
import io.lockstep.simulation.world.VirtualTime;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.CreateVolume;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;

/**
 * Confined to the thread of the simulation. One master, storage daemons and mounts in one world,
 * with a volume on all daemons.
 */
public final class Cluster implements AutoCloseable {
  private static final long SECOND_NS = 1_000_000_000L;

  private final VirtualTime time = new VirtualTime();
  private final Fibers fibers = new Fibers();
  private final Random random;
  private final SimNetwork network;
  private final MasterNode master;
  private final List<StorageNode> storages = new ArrayList<>();
  private final List<MountNode> mounts = new ArrayList<>();
  private final SimHost people;
  private final PeerDirectory admin;

  public Cluster(long seed, int storageCount, int mountCount, Variants variants) {
    this.random = new Random(seed);
    this.network = new SimNetwork(time, fork(), variants.lines);
    this.master = new MasterNode(newHost("master"), network, fork(), variants);
    for (int i = 1; i <= storageCount; i++) {
      SimHost host = newHost("storage" + i);
      SimDisk disk = new SimDisk(time, host, fork());
      storages.add(new StorageNode(host, network, disk, fork(), variants, i));
    }
    for (int i = 1; i <= mountCount; i++) {
      mounts.add(new MountNode(newHost("mount" + i), network, fibers, fork(), variants));
    }
    this.people = newHost("people");
    this.admin =
        network.peers(new SimNetwork.Who(people, "admin", () -> 0, null, 0, (address, push) -> {}));
  }

  private Random fork() {
    return new Random(random.nextLong());
  }

  private SimHost newHost(String name) {
    return new SimHost(time, name, fork());
  }

  public VirtualTime time() {
    return time;
  }

  public Fibers fibers() {
    return fibers;
  }

  public SimNetwork network() {
    return network;
  }

  public MasterNode master() {
    return master;
  }

  public List<StorageNode> storages() {
    return storages;
  }

  public List<MountNode> mounts() {
    return mounts;
  }

  /** A host that nothing happens to. */
  public SimHost people() {
    return people;
  }

  /** Starts everything and makes the volume. */
  public void start() {
    master.start();
    storages.forEach(StorageNode::start);
    await("the master to lead", 10, master::isLeading);
    await(
        "the daemons to register",
        10,
        () -> storages.stream().allMatch(node -> node.daemon().isRegistered()));
    CreateVolume create =
        CreateVolume.newBuilder().setName("volume").setReplicas(storages.size()).build();
    boolean[] made = {false};
    ask(
        MasterNode.ADDRESS,
        Request.newBuilder().setCreateVolume(create).build(),
        reply -> {
          if (!Replies.isOk(reply)) {
            throw new AssertionError("no volume: " + reply.getMessage());
          }
          made[0] = true;
        });
    await("the volume", 20, () -> made[0]);
    mounts.forEach(MountNode::start);
    await("the mounts", 20, () -> mounts.stream().allMatch(MountNode::isMounted));
  }

  /** Asks a process from outside. */
  public void ask(String address, Request request, Consumer<Reply> then) {
    ask(address, request, (reply, payload) -> then.accept(reply));
  }

  public void ask(String address, Request request, Peer.ReplyHandler then) {
    admin.peer(address).call(request, 4 * SECOND_NS, then);
  }

  /** A condition of the world. */
  public interface Condition {
    boolean holds();
  }

  /** Lets the world run until the condition holds; it is an error if it does not in time. */
  public void await(String what, long seconds, Condition condition) {
    long endNs = time.nowNs() + seconds * SECOND_NS;
    while (!condition.holds()) {
      if (time.nowNs() > endNs || !time.step()) {
        throw new AssertionError("waited " + seconds + " s in vain for " + what);
      }
    }
  }

  @Override
  public void close() {
    fibers.close();
  }
}
