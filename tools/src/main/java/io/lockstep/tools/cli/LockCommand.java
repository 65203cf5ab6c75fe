package io.lockstep.tools.cli;

import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import io.lockstep.tools.cli.LockViews.ClearView;
import io.lockstep.tools.cli.LockViews.DirectoryLeaseView;
import io.lockstep.tools.cli.LockViews.DumpView;
import io.lockstep.tools.cli.LockViews.EagerLockView;
import io.lockstep.tools.cli.LockViews.FileLockView;
import io.lockstep.tools.cli.LockViews.LeaseView;
import io.lockstep.tools.cli.LockViews.ListView;
import io.lockstep.tools.cli.LockViews.MountView;
import io.lockstep.tools.cluster.AdminConnection;
import io.lockstep.tools.cluster.ClusterDirectory;
import io.lockstep.tools.process.MountRecord;
import io.lockstep.tools.process.ReadyFile;
import io.lockstep.wire.Calls;
import io.lockstep.wire.message.ClearLeases;
import io.lockstep.wire.message.ClearLeasesReply;
import io.lockstep.wire.message.DumpLocks;
import io.lockstep.wire.message.DumpLocksReply;
import io.lockstep.wire.message.ListLeases;
import io.lockstep.wire.message.ListLeasesReply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SessionRow;
import io.lockstep.wire.message.VolumeRow;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Confined to the main thread. {@code lockstep lock ...}. */
@Command(
    name = "lock",
    description = "Leases of mounts and locks of applications: list, dump, clear.",
    subcommands = {LockCommand.Listing.class, LockCommand.Dump.class, LockCommand.Clear.class},
    footer = {"", "Example: lockstep lock list"})
final class LockCommand extends CommandGroup {
  LockCommand() {
    super("command");
  }

  /**
   * @param volume null = all
   */
  private static ListView list(AdminConnection connection, VolumeRow volume) throws Outcome {
    Request request =
        Request.newBuilder()
            .setListLeases(
                ListLeases.newBuilder().setVolume(volume == null ? 0 : volume.getVolume()))
            .build();
    ListLeasesReply reply = connection.ask(request, ClusterOptions.ASK_NS).getListLeases();
    return new ListView(
        reply.getRowsList().stream().map(LeaseView::of).toList(),
        reply.getDirectoriesList().stream()
            .filter(row -> volume == null || row.getVolume().equals(volume.getName()))
            .map(DirectoryLeaseView::of)
            .toList(),
        reply.getLocksList().stream().map(FileLockView::of).toList(),
        reply.getCountersMap());
  }

  private static void printRest(PrintWriter out, ListView lockd) {
    if (!lockd.directories().isEmpty()) {
      out.println();
      LockViews.directories(lockd.directories()).print(out);
    }
    if (!lockd.fileLocks().isEmpty()) {
      out.println();
      LockViews.fileLocks(lockd.fileLocks()).print(out);
    }
    printCounters(out, lockd.counters());
  }

  private static void printCounters(PrintWriter out, Map<String, Long> counters) {
    if (!counters.isEmpty()) {
      out.println();
      counters.forEach((name, count) -> out.println(name + " " + count));
    }
    out.flush();
  }

  @Command(
      name = "list",
      description = {
        "Shows the leases and locks of applications that lockd has granted.",
        "Each lease on a file that is granted, recalled or waited for, the leases on "
            + "directories (names and attributes that a mount may answer for), and locks by "
            + "fcntl and flock."
      },
      mixinStandardHelpOptions = true,
      footer = {"", "Example: lockstep lock list --output json"})
  static final class Listing implements Callable<Integer> {
    @Mixin private ClusterOptions cluster;
    @Mixin private OutputOptions output;

    @Mixin private VolumeName.Filter volume;

    @Override
    public Integer call() throws UserError, Outcome {
      try (AdminConnection connection = cluster.connect()) {
        ListView view = list(connection, volume.find(connection));
        output.print(view, LockViews.leases(view.leases()));
        if (!output.isJson()) {
          printRest(output.out(), view);
        }
      }
      return 0;
    }
  }

  @Command(
      name = "dump",
      description = {
        "Shows both sides of the leases: lockd's and each mount's.",
        "Beside what lockd has granted, the eager lock of each file at each mount: its "
            + "state, who runs under it, who waits, whether a timer is armed or the release "
            + "flagged. Mounts of other machines or users are named, not asked."
      },
      mixinStandardHelpOptions = true,
      footer = {"", "Example: lockstep lock dump --output json"})
  static final class Dump implements Callable<Integer> {
    @Mixin private ClusterOptions cluster;
    @Mixin private OutputOptions output;

    @Override
    public Integer call() throws UserError, Outcome, IOException {
      try (AdminConnection connection = cluster.connect()) {
        List<ReadyFile> records = MountRecord.live(ClusterDirectory.state());
        ListView lockd = list(connection, null);
        List<MountView> mounts = new ArrayList<>();
        for (SessionRow session : ClusterCommand.status(connection).getSessionsList()) {
          if (!session.getMountPoint().isEmpty()) {
            mounts.add(ask(connection, session, records));
          }
        }
        PrintWriter out = output.out();
        output.print(
            new DumpView(
                lockd.leases(), lockd.directories(), lockd.fileLocks(), lockd.counters(), mounts),
            LockViews.leases(lockd.leases()));
        if (!output.isJson()) {
          printRest(out, lockd);
          mounts.forEach(mount -> print(out, mount));
        }
      }
      return 0;
    }

    private static void print(PrintWriter out, MountView mount) {
      out.printf(
          "%nmount %s, session %d, process %d on %s%s%n",
          mount.mountPoint(),
          mount.session(),
          mount.pid(),
          mount.host(),
          mount.problem().isEmpty() ? "" : ": " + mount.problem());
      if (mount.problem().isEmpty()) {
        LockViews.eagerLocks(mount.locks()).print(out);
        printCounters(out, mount.counters());
      }
    }

    private static MountView ask(
        AdminConnection connection, SessionRow session, List<ReadyFile> records) {
      for (ReadyFile record : records) {
        boolean same =
            record.process().pid() == session.getPid()
                && Path.of(record.address()).equals(Path.of(session.getMountPoint()));
        if (same && record.admin() != null) {
          return ask(connection, session, record.admin());
        }
      }
      return view(session, "not a mount of this user on this machine", null);
    }

    private static MountView ask(AdminConnection connection, SessionRow session, String address) {
      Request request = Request.newBuilder().setDumpLocks(DumpLocks.getDefaultInstance()).build();
      try {
        DumpLocksReply reply =
            Calls.await(connection.peer(address), request, ClusterOptions.ASK_NS).getDumpLocks();
        return view(session, "", reply);
      } catch (Outcome e) {
        return view(session, "it does not answer: " + e.getMessage(), null);
      }
    }

    private static MountView view(SessionRow session, String problem, DumpLocksReply reply) {
      return new MountView(
          session.getSession(),
          session.getHost(),
          session.getPid(),
          session.getMountPoint(),
          problem,
          reply == null ? List.of() : reply.getRowsList().stream().map(EagerLockView::of).toList(),
          reply == null ? Map.of() : reply.getCountersMap());
    }
  }

  @Command(
      name = "clear",
      description = {
        "Ends leases by force: those of an age, of one client, or both.",
        "What the holder had not written back is lost: each descriptor it has open says "
            + "EIO once. The file is sealed against its late writes and made equal on all "
            + "replicas before anybody else is granted it. Leases on directories are asked "
            + "back; nothing is lost with them."
      },
      mixinStandardHelpOptions = true,
      footer = {"", "Example: lockstep lock clear --older-than 5m --client 12"})
  static final class Clear implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private ClusterOptions cluster;
    @Mixin private OutputOptions output;

    @Option(
        names = "--older-than",
        paramLabel = "AGE",
        converter = Age.Converter.class,
        description = "granted at least so long ago, like 30s or 5m")
    private Age olderThan;

    @Option(
        names = "--client",
        paramLabel = "SESSION",
        description = "of this session, as lock list shows it")
    private Long client;

    @Override
    public Integer call() throws UserError, Outcome {
      if (olderThan == null && client == null) {
        throw new ParameterException(
            spec.commandLine(), "clear what? give --older-than AGE, --client SESSION or both");
      }
      ClearLeases clear =
          ClearLeases.newBuilder()
              .setSession(client == null ? 0 : client)
              .setOlderThanMs(olderThan == null ? 0 : olderThan.ms())
              .build();
      try (AdminConnection connection = cluster.connect()) {
        if (client != null) {
          refuseIfUnknown(connection);
        }
        ClearLeasesReply reply =
            connection
                .ask(Request.newBuilder().setClearLeases(clear).build(), ClusterOptions.ASK_NS)
                .getClearLeases();
        ClearView cleared =
            new ClearView(
                reply.getRowsList().stream().map(LeaseView::of).toList(),
                reply.getDirectoriesList().stream().map(DirectoryLeaseView::of).toList());
        PrintWriter out = output.out();
        output.print(cleared, LockViews.leases(cleared.leases()));
        if (!output.isJson() && !cleared.directories().isEmpty()) {
          out.println();
          LockViews.directories(cleared.directories()).print(out);
          out.flush();
        }
      }
      return 0;
    }

    private void refuseIfUnknown(AdminConnection connection) throws UserError, Outcome {
      boolean known =
          ClusterCommand.status(connection).getSessionsList().stream()
              .anyMatch(session -> session.getSession() == client);
      if (!known) {
        throw UserError.failed("no client has session %d (lockstep lock list shows them)", client);
      }
    }
  }
}
