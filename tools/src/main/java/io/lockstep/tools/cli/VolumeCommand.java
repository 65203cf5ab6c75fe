package io.lockstep.tools.cli;

import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import io.lockstep.tools.cluster.AdminConnection;
import io.lockstep.tools.cluster.RootOwner;
import io.lockstep.wire.message.CreateVolume;
import io.lockstep.wire.message.DeleteVolume;
import io.lockstep.wire.message.ListVolumes;
import io.lockstep.wire.message.MemberMessage;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.RootDirectory;
import io.lockstep.wire.message.SetConfigMessage;
import io.lockstep.wire.message.VolumeRow;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Confined to the main thread. {@code lockstep volume ...}. */
@Command(
    name = "volume",
    description = "Volumes: create, list, info, delete, check.",
    subcommands = {
      VolumeCommand.Create.class,
      VolumeCommand.ListAll.class,
      VolumeCommand.Info.class,
      VolumeCommand.Delete.class,
      VolumeCheckCommand.class,
    },
    footer = {"", "Example: lockstep volume create photos --replicas 3"})
final class VolumeCommand extends CommandGroup {
  /** A change waits for daemons: each makes its replica, or removes it. */
  private static final long CHANGE_NS = TimeUnit.SECONDS.toNanos(30);

  private static final int REPLICAS_MAX = 7;

  VolumeCommand() {
    super("command");
  }

  record MemberView(int id, String daemon, String address, String mode) {}

  record SetView(long set, long epoch, boolean open, List<MemberView> members) {
    static SetView of(SetConfigMessage set) {
      List<MemberView> members = new ArrayList<>();
      for (MemberMessage member : set.getMembersList()) {
        members.add(
            new MemberView(
                member.getId(),
                Words.id(member.getDaemon()),
                member.getAddress(),
                Words.mode(member)));
      }
      return new SetView(set.getSet(), set.getEpoch(), set.getOpen(), members);
    }
  }

  record VolumeView(
      long volume,
      String name,
      String state,
      int replicas,
      int minReplicas,
      long inodes,
      long bytes,
      long createdMs,
      List<SetView> sets) {
    static VolumeView of(VolumeRow row) {
      return new VolumeView(
          row.getVolume(),
          row.getName(),
          row.getState(),
          row.getReplicas(),
          row.getMinReplicas(),
          row.getInodes(),
          row.getBytes(),
          row.getCreatedMs(),
          row.getSetsList().stream().map(SetView::of).toList());
    }
  }

  private static Table table(List<VolumeRow> rows) {
    Table table = new Table("VOLUME", "STATE", "REPLICAS", "FILES", "SIZE", "SETS");
    for (VolumeRow row : rows) {
      table.row(
          row.getName(),
          row.getState(),
          row.getReplicas() + " (min " + row.getMinReplicas() + ")",
          row.getInodes(),
          Words.bytes(row.getBytes()),
          String.join(", ", row.getSetsList().stream().map(Words::modes).toList()));
    }
    return table;
  }

  @Command(
      name = "create",
      description = "Creates a volume on as many storage daemons as it has replicas.",
      mixinStandardHelpOptions = true,
      footer = {"", "Example: lockstep volume create photos --replicas 3 --min-replicas 2"})
  static final class Create implements Callable<Integer> {
    @Mixin private ClusterOptions cluster;
    @Mixin private OutputOptions output;

    @Mixin private VolumeName.Parameter volume;

    @Option(
        names = "--replicas",
        paramLabel = "N",
        defaultValue = "3",
        description = "1 to 7 (default: ${DEFAULT-VALUE})")
    private int replicas;

    @Option(
        names = "--min-replicas",
        paramLabel = "N",
        description = "writes need this many replicas in step (default: a majority)")
    private Integer minReplicas;

    @Option(
        names = "--owner",
        paramLabel = "UID:GID",
        description = "of the root directory (default: who runs this command)")
    private String owner;

    @Option(
        names = "--mode",
        paramLabel = "OCTAL",
        description = "permissions of the root directory (default: 0755)")
    private String mode;

    @Override
    public Integer call() throws UserError, Outcome {
      Bounds.within("--replicas", replicas, 1, REPLICAS_MAX);
      if (minReplicas != null) {
        Bounds.within("--min-replicas", minReplicas, 1, replicas);
      }
      RootDirectory root = RootOwner.of(owner, mode);
      try (AdminConnection connection = cluster.connect()) {
        CreateVolume create =
            CreateVolume.newBuilder()
                .setName(volume.name().text())
                .setReplicas(replicas)
                .setMinReplicas(minReplicas == null ? 0 : minReplicas)
                .setRoot(root)
                .setWish(AdminConnection.newWish())
                .build();
        VolumeRow row =
            connection
                .ask(Request.newBuilder().setCreateVolume(create).build(), CHANGE_NS)
                .getVolume()
                .getVolume();
        output.print(VolumeView.of(row), table(List.of(row)));
      }
      return 0;
    }
  }

  @Command(
      name = "list",
      description = "Lists all volumes.",
      mixinStandardHelpOptions = true,
      footer = {"", "Example: lockstep volume list --output json"})
  static final class ListAll implements Callable<Integer> {
    @Mixin private ClusterOptions cluster;
    @Mixin private OutputOptions output;

    @Override
    public Integer call() throws UserError, Outcome {
      try (AdminConnection connection = cluster.connect()) {
        Request list =
            Request.newBuilder().setListVolumes(ListVolumes.getDefaultInstance()).build();
        List<VolumeRow> rows =
            connection.ask(list, ClusterOptions.ASK_NS).getListVolumes().getVolumesList();
        output.print(rows.stream().map(VolumeView::of).toList(), table(rows));
      }
      return 0;
    }
  }

  @Command(
      name = "info",
      description = "Shows a volume with the members of its replica sets.",
      mixinStandardHelpOptions = true,
      footer = {"", "Example: lockstep volume info demo"})
  static final class Info implements Callable<Integer> {
    @Mixin private ClusterOptions cluster;
    @Mixin private OutputOptions output;

    @Mixin private VolumeName.Parameter volume;

    @Override
    public Integer call() throws UserError, Outcome {
      try (AdminConnection connection = cluster.connect()) {
        VolumeRow row = volume.name().find(connection);
        if (!output.isJson()) {
          table(List.of(row)).print(output.out());
          output.out().println("created " + Words.time(row.getCreatedMs()) + "\n");
        }
        output.print(VolumeView.of(row), members(row));
      }
      return 0;
    }

    private static Table members(VolumeRow row) {
      Table table = new Table("SET", "EPOCH", "MEMBER", "MODE", "DAEMON", "ADDRESS");
      for (SetConfigMessage set : row.getSetsList()) {
        for (MemberMessage member : set.getMembersList()) {
          table.row(
              set.getSet(),
              set.getEpoch(),
              member.getId(),
              Words.mode(member),
              Words.shortId(member.getDaemon()),
              member.getAddress().isEmpty() ? "away" : member.getAddress());
        }
      }
      return table;
    }
  }

  @Command(
      name = "delete",
      description = "Deletes a volume; with --force also one that has files.",
      mixinStandardHelpOptions = true,
      footer = {"", "Example: lockstep volume delete photos --force"})
  static final class Delete implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private ClusterOptions cluster;

    @Mixin private VolumeName.Parameter volume;

    @Option(names = "--force", description = "also if there are files in it")
    private boolean force;

    @Override
    public Integer call() throws UserError, Outcome {
      try (AdminConnection connection = cluster.connect()) {
        DeleteVolume delete =
            DeleteVolume.newBuilder().setName(volume.name().text()).setForce(force).build();
        connection.ask(Request.newBuilder().setDeleteVolume(delete).build(), CHANGE_NS);
        spec.commandLine().getOut().println("deleted volume " + volume.name().text());
      }
      return 0;
    }
  }
}
