package io.lockstep.tools.cli;

import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import io.lockstep.tools.cluster.AdminConnection;
import io.lockstep.wire.message.ClusterStatusReply;
import io.lockstep.wire.message.DaemonRow;
import io.lockstep.wire.message.MemberMessage;
import io.lockstep.wire.message.ReplicaRow;
import io.lockstep.wire.message.SetConfigMessage;
import io.lockstep.wire.message.VolumeRow;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Confined to the main thread. {@code lockstep heal ...}. */
@Command(
    name = "heal",
    description = "Replicas that are out of step: status, list.",
    subcommands = {HealCommand.Status.class, HealListCommand.class},
    footer = {"", "Example: lockstep heal status --volume demo"})
final class HealCommand extends CommandGroup {
  HealCommand() {
    super("command");
  }

  /**
   * One member of a replica set.
   *
   * @param state clean, healing, waiting (to be healed), out of step, or away
   */
  record MemberView(
      String volume,
      long set,
      int member,
      String mode,
      String address,
      String state,
      long dirty,
      long pending,
      long healDone,
      long healTotal,
      long healBytes,
      String note) {}

  /**
   * All members.
   *
   * @param clean every member is RW and nothing is marked against anybody
   */
  record HealView(boolean clean, List<MemberView> members) {}

  /**
   * @param only null = all volumes
   */
  static HealView view(ClusterStatusReply status, VolumeRow only) {
    List<MemberView> members = new ArrayList<>();
    for (VolumeRow volume : status.getVolumesList()) {
      if (only == null || only.getVolume() == volume.getVolume()) {
        for (SetConfigMessage set : volume.getSetsList()) {
          for (MemberMessage member : set.getMembersList()) {
            members.add(view(status, volume, set, member));
          }
        }
      }
    }
    boolean clean =
        members.stream()
            .allMatch(m -> m.mode().equals("RW") && m.state().equals("clean") && m.pending() == 0);
    return new HealView(clean, members);
  }

  private static MemberView view(
      ClusterStatusReply status, VolumeRow volume, SetConfigMessage set, MemberMessage member) {
    DaemonRow daemon =
        status.getDaemonsList().stream()
            .filter(row -> row.getDaemon().equals(member.getDaemon()))
            .findFirst()
            .orElse(DaemonRow.getDefaultInstance());
    ReplicaRow replica =
        daemon.getReplicasList().stream()
            .filter(row -> row.getSet() == set.getSet())
            .findFirst()
            .orElse(ReplicaRow.getDefaultInstance());
    String mode = Words.mode(member);
    return new MemberView(
        volume.getName(),
        set.getSet(),
        member.getId(),
        mode,
        member.getAddress(),
        state(daemon.getAlive(), mode, replica.getHealing()),
        replica.getDirty(),
        replica.getPending(),
        replica.getHealDone(),
        replica.getHealTotal(),
        replica.getHealBytes(),
        replica.getNote());
  }

  /** A member that was killed counts as alive until its silence is noticed. */
  private static String state(boolean alive, String mode, boolean healing) {
    if (!alive) {
      return "away";
    }
    return switch (mode) {
      case "RW" -> healing ? "healing" : "clean";
      case "WO" -> healing ? "healing" : "waiting";
      default -> "out of step";
    };
  }

  @Command(
      name = "status",
      description = {
        "Shows each member: clean, healing with its progress, waiting to be healed, out of step "
            + "(it failed, and has not come back), or away.",
        "Exit code 0 if all are clean, 1 otherwise."
      },
      mixinStandardHelpOptions = true,
      footer = {"", "Example: lockstep heal status --volume demo"})
  static final class Status implements Callable<Integer> {
    @Mixin private ClusterOptions cluster;
    @Mixin private OutputOptions output;

    @Mixin private VolumeName.Filter volume;

    @Override
    public Integer call() throws UserError, Outcome {
      try (AdminConnection connection = cluster.connect()) {
        VolumeRow only = volume.find(connection);
        HealView view = view(ClusterCommand.status(connection), only);
        output.print(view, table(view));
        return view.clean() ? 0 : Main.EXIT_FAILED;
      }
    }

    private static Table table(HealView view) {
      Table table =
          new Table(
              "VOLUME", "SET", "MEMBER", "MODE", "STATE", "HEALED", "DIRTY", "PENDING", "NOTE");
      for (MemberView member : view.members()) {
        table.row(
            member.volume(),
            member.set(),
            member.member() + " " + (member.address().isEmpty() ? "-" : member.address()),
            member.mode(),
            member.state(),
            member.healTotal() == 0
                ? Words.bytes(member.healBytes())
                : member.healDone()
                    + "/"
                    + member.healTotal()
                    + ", "
                    + Words.bytes(member.healBytes()),
            member.dirty(),
            member.pending(),
            member.note());
      }
      return table;
    }
  }
}
