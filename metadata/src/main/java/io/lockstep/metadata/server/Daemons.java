package io.lockstep.metadata.server;

import io.lockstep.wire.Convert;
import io.lockstep.wire.message.DaemonHeartbeat;
import io.lockstep.wire.message.DaemonRecord;
import io.lockstep.wire.message.DaemonRow;
import io.lockstep.wire.message.RegisterDaemon;
import io.lockstep.wire.message.ReplicaRow;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/**
 * Confined to the master agent. The storage daemons as the leader hears them: what they announced
 * (which is logged) and what they last said (which is not).
 */
final class Daemons {
  /** Confined to the master agent. One daemon. */
  static final class Daemon {
    private final UUID id;
    private DaemonRecord record;
    private boolean heard;
    private long heardNs;
    private long capacityBytes;
    private long freeBytes;
    private List<ReplicaRow> replicas = List.of();

    private Daemon(UUID id, DaemonRecord record) {
      this.id = id;
      this.record = record;
    }

    UUID id() {
      return id;
    }

    long incarnation() {
      return record.getIncarnation();
    }

    String address() {
      return record.getAddress();
    }

    /** When it last spoke to this leader, if it is alive. */
    long heardNs() {
      return heardNs;
    }

    long capacityBytes() {
      return capacityBytes;
    }

    long freeBytes() {
      return freeBytes;
    }
  }

  private final long heardNs;
  private final Map<UUID, Daemon> daemons = new HashMap<>();

  Daemons(long heardNs) {
    this.heardNs = heardNs;
  }

  /** This master begins to lead: these are registered, none is heard yet. */
  void begin(List<DaemonRecord> records) {
    daemons.clear();
    records.forEach(this::onRegistered);
  }

  /** The log has this record. */
  void onRegistered(DaemonRecord record) {
    UUID id = Convert.uuid(record.getDaemon());
    Daemon daemon = daemons.get(id);
    if (daemon == null) {
      daemons.put(id, new Daemon(id, record));
    } else {
      if (daemon.record.getIncarnation() != record.getIncarnation()) {
        daemon.heard = false;
        daemon.replicas = List.of();
      }
      daemon.record = record;
    }
  }

  void onRegister(RegisterDaemon said, long nowNs) {
    Daemon daemon = daemons.get(Convert.uuid(said.getDaemon()));
    if (daemon != null && daemon.incarnation() == said.getIncarnation()) {
      hear(daemon, said.getCapacityBytes(), said.getFreeBytes(), said.getReplicasList(), nowNs);
    }
  }

  /** False if the daemon has to register first. */
  boolean onHeartbeat(DaemonHeartbeat said, long nowNs) {
    Daemon daemon = daemons.get(Convert.uuid(said.getDaemon()));
    if (daemon == null || daemon.incarnation() != said.getIncarnation()) {
      return false;
    }
    hear(daemon, said.getCapacityBytes(), said.getFreeBytes(), said.getReplicasList(), nowNs);
    return true;
  }

  private static void hear(
      Daemon daemon, long capacity, long free, List<ReplicaRow> replicas, long nowNs) {
    daemon.heard = true;
    daemon.heardNs = nowNs;
    daemon.capacityBytes = capacity;
    daemon.freeBytes = free;
    daemon.replicas = List.copyOf(replicas);
  }

  /** The daemon, or null if it never registered. */
  Daemon get(UUID id) {
    return daemons.get(id);
  }

  String address(UUID id) {
    Daemon daemon = daemons.get(id);
    return daemon == null ? null : daemon.address();
  }

  Map<UUID, String> addresses() {
    Map<UUID, String> addresses = new HashMap<>();
    daemons.forEach((id, daemon) -> addresses.put(id, daemon.address()));
    return addresses;
  }

  boolean isAlive(UUID id, long nowNs) {
    Daemon daemon = daemons.get(id);
    return daemon != null && daemon.heard && nowNs - daemon.heardNs <= heardNs;
  }

  /**
   * Daemons for the replicas of a new set: those with most free space, of different zones as far as
   * there are enough zones. Fewer than {@code count} if there are not enough alive.
   */
  List<Daemon> choose(int count, long nowNs) {
    List<Daemon> alive = new ArrayList<>();
    daemons.values().stream().filter(each -> isAlive(each.id(), nowNs)).forEach(alive::add);
    alive.sort(
        Comparator.comparingLong((Daemon each) -> -each.freeBytes()).thenComparing(Daemon::id));
    List<Daemon> chosen = new ArrayList<>();
    Set<String> zones = new HashSet<>();
    for (Daemon each : alive) {
      String zone = each.record.getZone();
      if (chosen.size() < count && (zone.isEmpty() || zones.add(zone))) {
        chosen.add(each);
      }
    }
    for (Daemon each : alive) {
      if (chosen.size() < count && !chosen.contains(each)) {
        chosen.add(each);
      }
    }
    return chosen;
  }

  int aliveCount(long nowNs) {
    return (int) daemons.keySet().stream().filter(id -> isAlive(id, nowNs)).count();
  }

  /** For people, in order of address. */
  List<DaemonRow> rows(long nowNs) {
    return daemons.values().stream()
        .sorted(Comparator.comparing(Daemon::address).thenComparing(Daemon::id))
        .map(
            each ->
                DaemonRow.newBuilder()
                    .setDaemon(each.record.getDaemon())
                    .setAddress(each.address())
                    .setIncarnation(each.incarnation())
                    .setAlive(isAlive(each.id(), nowNs))
                    .setHeardMsAgo(each.heard ? (nowNs - each.heardNs) / 1_000_000 : 0)
                    .setVersion(each.record.getVersion())
                    .setZone(each.record.getZone())
                    .setCapacityBytes(each.capacityBytes)
                    .setFreeBytes(each.freeBytes)
                    .addAllReplicas(each.replicas)
                    .build())
        .toList();
  }
}
