package io.lockstep.simulation;

import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.SetConfig;
import io.lockstep.simulation.check.History;
import io.lockstep.simulation.cluster.Cluster;
import io.lockstep.simulation.cluster.MountNode;
import io.lockstep.simulation.cluster.StorageNode;
import io.lockstep.simulation.world.SimHost;
import io.lockstep.simulation.world.VirtualTime;
import io.lockstep.simulation.world.Weather;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/**
 * Confined to the thread of the simulation. What goes wrong in the safety phase, as chance has it,
 * and the end of all of it.
 */
final class Faults {
  private static final long SECOND_NS = 1_000_000_000L;
  private static final long LOOK_NS = SECOND_NS / 20;

  private final Cluster cluster;
  private final VirtualTime time;
  private final Random random;
  private final History history;
  private final Workload workload;
  private final Set<Fault> kinds;
  private final List<Fault> sudden = new ArrayList<>();
  private boolean stopped;
  private boolean anyStands;
  private int happened;

  Faults(Cluster cluster, Random random, History history, Workload workload, Set<Fault> kinds) {
    this.cluster = cluster;
    this.time = cluster.time();
    this.random = random;
    this.history = history;
    this.workload = workload;
    this.kinds = kinds;
    Set<Fault> steady =
        EnumSet.of(Fault.LOSS, Fault.DUPLICATION, Fault.BREAKAGE, Fault.DELAY, Fault.CLOCKS);
    kinds.stream().filter(kind -> !steady.contains(kind)).forEach(sudden::add);
  }

  /** Some of {@code possible}, as chance has it. */
  static Set<Fault> swarm(Random random, Set<Fault> possible) {
    Set<Fault> chosen = EnumSet.noneOf(Fault.class);
    for (Fault fault : possible) {
      if (possible.size() == 1 || random.nextInt(3) == 0) {
        chosen.add(fault);
      }
    }
    return chosen;
  }

  /** How many sudden ones happened. */
  int happened() {
    return happened;
  }

  void start() {
    boolean slow = kinds.contains(Fault.DELAY);
    cluster
        .network()
        .weather(
            new Weather(
                kinds.contains(Fault.LOSS) ? 0.002 : 0,
                kinds.contains(Fault.DUPLICATION) ? 0.05 : 0,
                kinds.contains(Fault.BREAKAGE) ? 0.002 : 0,
                slow ? 20_000_000 : 500_000,
                slow ? 3 * SECOND_NS : 0));
    if (kinds.contains(Fault.CLOCKS)) {
      hosts().forEach(host -> host.drift(0.98 + 0.04 * random.nextDouble()));
    }
    cluster.storages().forEach(node -> node.onStop(() -> onStorageStopped(node)));
    lookAtTheSet();
    plan();
  }

  /**
   * A member in step that runs on may be left behind by a master that does not know yet that the
   * last other one is dead: then it is not in step any more, and nobody is.
   */
  private void lookAtTheSet() {
    if (cluster.master().isLeading() && cluster.master().config() != null) {
      boolean left = standing(null) > 0;
      if (anyStands && !left) {
        onNobodyStands();
      }
      anyStands = left;
    }
    time.at(
        time.nowNs() + LOOK_NS,
        "look",
        () -> {
          if (!stopped) {
            lookAtTheSet();
          }
        });
  }

  private void onNobodyStands() {
    time.note("world", "no member in step is left running");
    history.blackout(time.nowNs());
  }

  /**
   * Somebody starts it again, whatever stopped it. Without a member in step that runs on, only what
   * is durable is promised.
   */
  private void onStorageStopped(StorageNode node) {
    restartLater(node);
    if (standing(node) == 0) {
      onNobodyStands();
    }
  }

  private void plan() {
    long afterNs = (long) (random.nextDouble() * 4 * SECOND_NS);
    time.at(
        time.nowNs() + afterNs,
        "fault",
        () -> {
          if (!stopped) {
            if (kinds.contains(Fault.CLOCKS) && random.nextInt(4) == 0) {
              pick(hosts()).jumpWall((long) ((random.nextDouble() - 0.5) * 600 * SECOND_NS));
            }
            if (!sudden.isEmpty()) {
              happen(sudden.get(random.nextInt(sudden.size())));
            }
            plan();
          }
        });
  }

  private void happen(Fault fault) {
    happened++;
    switch (fault) {
      case CUT -> cut();
      case STORAGE_KILL -> killStorage(false);
      case STORAGE_POWER -> killStorage(true);
      case BLACKOUT -> blackout();
      case PAUSE -> pause();
      case MOUNT_KILL -> killMount();
      case MASTER_KILL -> killMaster();
      case SYNC_FAILURE -> failSync();
      case SLOW_DISK -> slowDisk();
      case FULL_DISK -> fullDisk();
      case BIT_FLIP -> {
        if (pick(cluster.storages()).disk().flipBit()) {
          time.note("disk", "a bit flips");
        }
      }
      default -> throw new AssertionError(fault);
    }
  }

  private List<SimHost> hosts() {
    List<SimHost> hosts = new ArrayList<>();
    hosts.add(cluster.master().host());
    cluster.storages().forEach(node -> hosts.add(node.host()));
    cluster.mounts().forEach(node -> hosts.add(node.host()));
    return hosts;
  }

  private <T> T pick(List<T> all) {
    return all.get(random.nextInt(all.size()));
  }

  private long uptoNs(double seconds) {
    return (long) (random.nextDouble() * seconds * SECOND_NS);
  }

  private void later(long delayNs, Runnable task) {
    time.at(
        time.nowNs() + delayNs,
        "repair",
        () -> {
          if (!stopped) {
            task.run();
          }
        });
  }

  private void cut() {
    String from = pick(hosts()).name();
    String to = pick(hosts()).name();
    if (!from.equals(to)) {
      boolean both = random.nextBoolean();
      time.note("network", "nothing gets from " + from + " to " + to + (both ? " and back" : ""));
      cluster.network().cut(from, to);
      if (both) {
        cluster.network().cut(to, from);
      }
      later(
          uptoNs(random.nextInt(3) == 0 ? 25 : 5),
          () -> {
            time.note("network", from + " and " + to + " are together again");
            cluster.network().mend(from, to);
            cluster.network().mend(to, from);
          });
    }
  }

  /** Members in step whose daemon runs since then. */
  private int standing(StorageNode without) {
    SetConfig config = cluster.master().config();
    int count = 0;
    for (StorageNode node : cluster.storages()) {
      Member member = config == null ? null : config.memberOn(node.id());
      boolean stands =
          node != without
              && node.daemon() != null
              && member != null
              && member.mode() == MemberMode.RW
              && member.incarnation() == node.daemon().incarnation();
      count += stands ? 1 : 0;
    }
    return count;
  }

  private void killStorage(boolean power) {
    StorageNode node = pick(cluster.storages());
    if (!node.host().isUp() || standing(node) == 0) {
      return;
    }
    if (power && random.nextBoolean()) {
      time.note(node.host().name(), "will lose power in the middle of a step");
      node.disk().cutAfter(random.nextInt(20));
      return;
    }
    time.note(node.host().name(), power ? "loses power" : "is killed");
    node.kill(power);
  }

  private void restartLater(StorageNode node) {
    time.at(
        time.nowNs() + SECOND_NS / 10 + uptoNs(random.nextInt(3) == 0 ? 30 : 4),
        "restart",
        () -> {
          if (!node.host().isUp()) {
            time.note(node.host().name(), "starts again");
            node.start();
          }
        });
  }

  private void blackout() {
    time.note("world", "all storage daemons lose power");
    cluster.storages().forEach(node -> node.kill(true));
  }

  private void pause() {
    SimHost host = pick(hosts());
    long durationNs = uptoNs(random.nextInt(3) == 0 ? 20 : 5);
    time.note(host.name(), "stands still for " + durationNs / 1_000_000 + " ms");
    host.pause(durationNs);
  }

  private void killMount() {
    MountNode mount = pick(cluster.mounts());
    if (!mount.isMounted()) {
      return;
    }
    time.note(mount.host().name(), "is killed");
    history.lost(mount.host().name() + "#" + mount.run(), null, time.nowNs());
    mount.host().crash();
    later(SECOND_NS / 10 + uptoNs(12), () -> startMount(mount));
  }

  private void startMount(MountNode mount) {
    if (!mount.host().isUp()) {
      time.note(mount.host().name(), "starts again");
      mount.start();
      beginWhenMounted(mount);
    }
  }

  private void beginWhenMounted(MountNode mount) {
    int run = mount.run();
    time.at(
        time.nowNs() + SECOND_NS / 5,
        "mounted?",
        () -> {
          if (mount.run() == run && mount.host().isUp()) {
            if (mount.isMounted()) {
              workload.begin(mount);
            } else {
              beginWhenMounted(mount);
            }
          }
        });
  }

  private void killMaster() {
    if (cluster.master().host().isUp()) {
      time.note("master", "is killed");
      cluster.master().host().crash();
      later(
          SECOND_NS / 10 + uptoNs(random.nextInt(4) == 0 ? 20 : 4),
          () -> {
            if (!cluster.master().host().isUp()) {
              time.note("master", "starts again");
              cluster.master().start();
            }
          });
    }
  }

  private void failSync() {
    StorageNode node = pick(cluster.storages());
    if (standing(node) > 0) {
      boolean rows = random.nextInt(3) == 0;
      time.note(node.host().name(), rows ? "a sync of rows will fail" : "a sync will fail");
      if (rows) {
        node.disk().failRows(1);
      } else {
        node.disk().failSyncs(1);
      }
      // Its status says what stopped; after a while somebody looks.
      time.at(
          time.nowNs() + SECOND_NS + uptoNs(20),
          "operator",
          () -> {
            if (node.host().isUp()) {
              time.note(node.host().name(), "is started again by somebody");
              node.kill(false);
            }
          });
    }
  }

  private void slowDisk() {
    StorageNode node = pick(cluster.storages());
    long syncNs = uptoNs(random.nextInt(3) == 0 ? 6 : 0.5);
    time.note(node.host().name(), "its disk takes " + syncNs / 1_000_000 + " ms for a sync");
    node.disk().syncNs(syncNs + 1);
    later(SECOND_NS + uptoNs(10), () -> node.disk().syncNs(300_000));
  }

  private void fullDisk() {
    StorageNode node = pick(cluster.storages());
    time.note(node.host().name(), "its disk is full");
    node.disk().capacity(0);
    later(SECOND_NS + uptoNs(10), () -> node.disk().capacity(1L << 40));
  }

  /** Everything that went wrong is over, and what was stopped is started. */
  void stop() {
    stopped = true;
    time.note("world", "the faults are over");
    cluster.network().weather(Weather.FINE);
    cluster.network().mendAll();
    hosts().forEach(host -> host.drift(1));
    cluster.master().log().heal();
    if (!cluster.master().host().isUp()) {
      cluster.master().start();
    }
    for (StorageNode node : cluster.storages()) {
      node.disk().heal();
      if (!node.host().isUp()) {
        node.start();
      }
    }
    cluster.mounts().forEach(this::startMount);
  }
}
