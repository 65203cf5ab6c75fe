package io.lockstep.tools.cli;

import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import io.lockstep.tools.cluster.AdminConnection;
import io.lockstep.wire.message.ClusterStatus;
import io.lockstep.wire.message.ClusterStatusReply;
import io.lockstep.wire.message.DaemonRow;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SessionRow;
import io.lockstep.wire.message.VolumeRow;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Confined to the main thread. {@code lockstep cluster ...}. */
@Command(
    name = "cluster",
    description = "The cluster as a whole: status.",
    subcommands = ClusterCommand.Status.class,
    footer = {"", "Example: lockstep cluster status"})
final class ClusterCommand extends CommandGroup {
  ClusterCommand() {
    super("command");
  }

  static ClusterStatusReply status(AdminConnection connection) throws Outcome {
    Request request =
        Request.newBuilder().setClusterStatus(ClusterStatus.getDefaultInstance()).build();
    return connection.ask(request, ClusterOptions.ASK_NS).getClusterStatus();
  }

  record DaemonView(
      String daemon,
      String address,
      boolean alive,
      long heardMsAgo,
      String version,
      String zone,
      long capacityBytes,
      long freeBytes) {
    static DaemonView of(DaemonRow row) {
      return new DaemonView(
          Words.id(row.getDaemon()),
          row.getAddress(),
          row.getAlive(),
          row.getHeardMsAgo(),
          row.getVersion(),
          row.getZone(),
          row.getCapacityBytes(),
          row.getFreeBytes());
    }
  }

  record SessionView(
      long session, String volume, String host, int pid, String mountPoint, long renewedMsAgo) {
    static SessionView of(SessionRow row) {
      return new SessionView(
          row.getSession(),
          row.getVolume(),
          row.getHost(),
          row.getPid(),
          row.getMountPoint(),
          row.getRenewedMsAgo());
    }
  }

  record StatusView(
      String cluster,
      String version,
      String leader,
      long appliedIndex,
      long lockdTerm,
      boolean inGrace,
      long leases,
      List<DaemonView> daemons,
      List<VolumeCommand.VolumeView> volumes,
      List<SessionView> mounts) {}

  @Command(
      name = "status",
      description = "Shows the master, the storage daemons, the volumes and the mounts.",
      mixinStandardHelpOptions = true,
      footer = {"", "Example: lockstep cluster status --output json"})
  static final class Status implements Callable<Integer> {
    @Mixin private ClusterOptions cluster;
    @Mixin private OutputOptions output;

    @Override
    public Integer call() throws UserError, Outcome {
      try (AdminConnection connection = cluster.connect()) {
        ClusterStatusReply status = status(connection);
        PrintWriter out = output.out();
        if (!output.isJson()) {
          out.printf(
              Locale.ROOT,
              "cluster %016x, version %s, leader %s, applied %d, lockd term %d%s, %d leases%n%n",
              status.getCluster(),
              status.getVersion(),
              status.getLeader(),
              status.getAppliedIndex(),
              status.getLockdTerm(),
              status.getInGrace() ? " (in grace)" : "",
              status.getLeases());
          daemons(status.getDaemonsList()).print(out);
          out.println();
          volumes(status.getVolumesList()).print(out);
          out.println();
        }
        output.print(view(status), mounts(status.getSessionsList()));
      }
      return 0;
    }

    private static StatusView view(ClusterStatusReply status) {
      return new StatusView(
          String.format(Locale.ROOT, "%016x", status.getCluster()),
          status.getVersion(),
          status.getLeader(),
          status.getAppliedIndex(),
          status.getLockdTerm(),
          status.getInGrace(),
          status.getLeases(),
          status.getDaemonsList().stream().map(DaemonView::of).toList(),
          status.getVolumesList().stream().map(VolumeCommand.VolumeView::of).toList(),
          status.getSessionsList().stream().map(SessionView::of).toList());
    }

    private static Table daemons(List<DaemonRow> rows) {
      Table table =
          new Table("STORAGE", "ADDRESS", "STATE", "REPLICAS", "FREE", "CAPACITY", "ZONE");
      for (DaemonRow row : rows) {
        table.row(
            Words.shortId(row.getDaemon()),
            row.getAddress(),
            row.getAlive() ? "alive" : "silent for " + row.getHeardMsAgo() / 1000 + " s",
            row.getReplicasCount(),
            Words.bytes(row.getFreeBytes()),
            Words.bytes(row.getCapacityBytes()),
            row.getZone().isEmpty() ? "-" : row.getZone());
      }
      return table;
    }

    private static Table volumes(List<VolumeRow> rows) {
      Table table = new Table("VOLUME", "STATE", "FILES", "SIZE", "MEMBERS");
      for (VolumeRow row : rows) {
        table.row(
            row.getName(),
            row.getState(),
            row.getInodes(),
            Words.bytes(row.getBytes()),
            String.join(", ", row.getSetsList().stream().map(Words::modes).toList()));
      }
      return table;
    }

    private static Table mounts(List<SessionRow> rows) {
      Table table = new Table("MOUNT", "VOLUME", "HOST", "PID", "OPEN", "HEARD");
      for (SessionRow row : rows) {
        table.row(
            row.getMountPoint(),
            row.getVolume(),
            row.getHost(),
            row.getPid(),
            row.getOpenInodes(),
            row.getRenewedMsAgo() / 1000 + " s ago");
      }
      return table;
    }
  }
}
