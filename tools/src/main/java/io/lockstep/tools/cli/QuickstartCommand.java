package io.lockstep.tools.cli;

import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import io.lockstep.tools.cluster.ClusterDirectory;
import io.lockstep.tools.quickstart.LocalCluster;
import io.lockstep.tools.quickstart.Quickstart;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Confined to the main thread. {@code lockstep quickstart}. */
@Command(
    name = "quickstart",
    description = {
      "Runs a whole cluster on this machine, with a volume that is mounted.",
      "A master, three storage daemons, and a mount of the volume demo. Running it "
          + "again starts what has died and leaves the rest alone."
    },
    subcommands = {QuickstartCommand.Status.class, QuickstartCommand.Stop.class},
    mixinStandardHelpOptions = true,
    footer = {"", "Example: lockstep quickstart --dir /srv/try --mount /mnt/try"})
final class QuickstartCommand implements Callable<Integer> {
  @Mixin private DirectoryOption where;
  @Mixin private OutputOptions output;

  @Option(names = "--mount", paramLabel = "DIR", description = "mount there (default: ~/lockstep)")
  private Path mountPoint;

  /** Which quickstart. */
  static final class DirectoryOption {
    @Option(
        names = "--dir",
        paramLabel = "DIR",
        description = "its directory (default: ~/.lockstep/quickstart)")
    private Path directory;

    ClusterDirectory directory() {
      return new ClusterDirectory(
          directory == null ? ClusterDirectory.state().resolve("quickstart") : directory);
    }
  }

  @Override
  public Integer call() throws UserError, IOException, Outcome {
    long startNs = System.nanoTime();
    ClusterDirectory directory = where.directory();
    PrintWriter err = output.err();
    Quickstart quickstart =
        new Quickstart(
            new LocalCluster(directory, LocalCluster.launcher(), false, Map.of()),
            step -> {
              err.printf(Locale.ROOT, "%5.1f s  %s%n", (System.nanoTime() - startNs) / 1e9, step);
              err.flush();
            });
    quickstart.start(mountPoint(directory));
    err.printf(Locale.ROOT, "%5.1f s  ready%n", (System.nanoTime() - startNs) / 1e9);
    List<Quickstart.Row> rows = quickstart.status();
    PrintWriter out = output.out();
    output.print(rows, table(rows));
    if (!output.isJson()) {
      nextThings(out, rows, directory);
    }
    return 0;
  }

  private Path mountPoint(ClusterDirectory directory) throws IOException {
    if (mountPoint != null) {
      return mountPoint;
    }
    Optional<Path> before = directory.mountPoint();
    return before.orElse(ClusterDirectory.home().resolve("lockstep"));
  }

  static Table table(List<Quickstart.Row> rows) {
    Table table = new Table("ROLE", "PID", "ADDRESS", "STATE");
    for (Quickstart.Row row : rows) {
      table.row(row.role(), row.pid() == null ? "-" : row.pid(), row.address(), row.state());
    }
    return table;
  }

  private static void nextThings(
      PrintWriter out, List<Quickstart.Row> rows, ClusterDirectory directory) {
    String mount = rows.get(rows.size() - 1).address();
    String lockstep = System.getenv().getOrDefault("LOCKSTEP_HOME", ".") + "/lockstep";
    boolean usual = directory.top().equals(ClusterDirectory.state().resolve("quickstart"));
    String at = usual ? "" : " --dir " + directory.top();
    Long victim = rows.get(2).pid();
    out.println();
    new Table("Four things to try:", "")
        .row("  cp -r /usr/share/common-licenses " + mount, "# files on three replicas")
        .row("  kill -9 " + victim, "# go on working: two replicas carry on")
        .row(
            "  " + lockstep + " quickstart" + at + "; " + lockstep + " heal status" + at,
            "# brings it back, and it heals")
        .row("  " + lockstep + " volume check demo" + at, "# compares the three disks")
        .row("Stop with:", "")
        .row("  " + lockstep + " quickstart stop" + at, "# the data stays")
        .print(out);
  }

  @Command(
      name = "status",
      description = "Shows what runs. Exit code 0 if everything does, 1 otherwise.",
      mixinStandardHelpOptions = true,
      footer = {"", "Example: lockstep quickstart status"})
  static final class Status implements Callable<Integer> {
    @Mixin private DirectoryOption where;
    @Mixin private OutputOptions output;

    @Override
    public Integer call() throws UserError, IOException {
      ClusterDirectory directory = existing(where.directory());
      Quickstart quickstart =
          new Quickstart(
              new LocalCluster(directory, LocalCluster.launcher(), false, Map.of()), step -> {});
      List<Quickstart.Row> rows = quickstart.status();
      output.print(rows, table(rows));
      boolean all =
          rows.stream().allMatch(r -> r.state().equals("running") || r.state().equals("mounted"));
      return all ? 0 : Main.EXIT_FAILED;
    }
  }

  @Command(
      name = "stop",
      description = "Unmounts and ends all processes. The data stays.",
      mixinStandardHelpOptions = true,
      footer = {"", "Example: lockstep quickstart stop"})
  static final class Stop implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private DirectoryOption where;

    @Override
    public Integer call() throws UserError, IOException {
      ClusterDirectory directory = existing(where.directory());
      new Quickstart(
              new LocalCluster(directory, LocalCluster.launcher(), false, Map.of()), step -> {})
          .stop();
      spec.commandLine().getOut().println("stopped; the data stays in " + directory.top());
      spec.commandLine().getOut().flush();
      return 0;
    }
  }

  private static ClusterDirectory existing(ClusterDirectory directory) throws UserError {
    if (!directory.exists()) {
      throw UserError.failed("no quickstart in %s", directory.top());
    }
    return directory;
  }
}
