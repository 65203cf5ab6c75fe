package io.lockstep.tools.cli;

import io.lockstep.core.Outcome;
import io.lockstep.core.Times;
import io.lockstep.tools.UserError;
import io.lockstep.tools.cluster.ClusterDirectory;
import io.lockstep.tools.config.MasterSettings;
import io.lockstep.tools.config.MountSettings;
import io.lockstep.tools.process.Lifetime;
import io.lockstep.tools.quickstart.LocalCluster;
import io.lockstep.tools.repro.EagerLockRepro;
import io.lockstep.tools.repro.HistoricMaster;
import io.lockstep.tools.repro.WatchedMount;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Confined to the main thread. {@code lockstep repro}. */
@Command(
    name = "repro",
    description = {
      "Shows a bug of another system, and that it is not here: eager-lock.",
      "With real processes and mounts, in a cluster of its own that is gone at the " + "end."
    },
    subcommands = ReproCommand.EagerLockReproduction.class,
    footer = {"", "Example: lockstep repro eager-lock --variant afr-before --seconds 10"})
final class ReproCommand extends CommandGroup {
  private static final int THREADS_MAX = 256;

  ReproCommand() {
    super("bug");
  }

  /** {@code lockstep repro eager-lock}. */
  @Command(
      name = "eager-lock",
      description = {
        "A lock that stays for ever when descriptors are written and closed at once.",
        "Many threads write and close one file on a mount of a cluster of its own, a "
            + "second mount wants the file too, a third writes at the end. The load runs for "
            + "longer, up to four times, if the case in question has not come up by then.",
        "Exit code 0: nothing violated; 1: violated, or INCONCLUSIVE; 2: misuse. The "
            + "last line is the verdict."
      },
      mixinStandardHelpOptions = true,
      footer = {"", "Example: lockstep repro eager-lock --variant afr-before --delay wake=0..50"})
  static final class EagerLockReproduction implements Callable<Integer> {
    @Mixin private VariantOption variant;
    @Mixin private LoadOptions load;
    @Mixin private DelayOptions delay;
    @Mixin private OutputOptions output;

    @Override
    public Integer call() throws UserError, IOException, Outcome, InterruptedException {
      EagerLockRepro.Options options =
          new EagerLockRepro.Options(
              variant.variant(), load.threads(2, THREADS_MAX), load.durationNs(), delay.delays());
      long startNs = System.nanoTime();
      PrintWriter err = output.err();
      EagerLockRepro.Report report =
          new EagerLockRepro(options, LocalCluster.launcher(), step -> say(err, startNs, step))
              .run();
      PrintWriter out = output.out();
      output.print(report, table(report));
      if (!output.isJson()) {
        report.details().forEach(out::println);
        out.println(report.verdict());
        out.flush();
      }
      return report.isGood() ? 0 : Main.EXIT_FAILED;
    }

    private static void say(PrintWriter err, long startNs, String step) {
      if (Terminal.isStderr()) {
        err.printf(Locale.ROOT, "%5.1f s  %s%n", (System.nanoTime() - startNs) / 1e9, step);
        err.flush();
      }
    }

    private static Table table(EagerLockRepro.Report report) {
      Table table =
          new Table(
              "VARIANT", "OPERATIONS", "LONGEST", "RACES", "VIOLATIONS", "STALE", "THIRD MOUNT");
      table.row(
          report.variant(),
          report.load().operations(),
          report.load().longestMs() + " ms",
          report.races(),
          report.violations(),
          report.stale().size(),
          report.thirdMountMs() < 0 ? "blocked" : report.thirdMountMs() + " ms");
      return table;
    }
  }

  /** The master of a reproduction. */
  @Command(
      name = "repro-master",
      hidden = true,
      description = "A master whose lockd follows the variant's rule; started by lockstep repro.",
      mixinStandardHelpOptions = true,
      footer = {"", "Example: lockstep repro eager-lock"})
  static final class Master implements Callable<Integer> {
    @Mixin private DaemonOptions options;
    @Mixin private VariantOption variant;

    @Override
    public Integer call() throws UserError, IOException, Outcome, InterruptedException {
      MasterSettings settings = MasterSettings.from(options.entries("repro-master"));
      boolean historic = variant.variant().isHistoric();
      Lifetime.run(
          options.stopWithStdin(), lifetime -> HistoricMaster.start(settings, historic, lifetime));
      return 0;
    }
  }

  /** A mount of a reproduction. */
  @Command(
      name = "repro-mount",
      hidden = true,
      description = "A mount with the variant's eager lock; started by lockstep repro.",
      mixinStandardHelpOptions = true,
      footer = {"", "Example: lockstep repro eager-lock"})
  static final class Mount implements Callable<Integer> {
    @Mixin private MountOptions mount;
    @Mixin private VariantOption variant;
    @Mixin private DelayOptions delay;

    @Option(names = "--report", required = true, description = "what it saw, again and again")
    private Path report;

    @Override
    public Integer call() throws UserError, IOException, Outcome, InterruptedException {
      MountSettings settings = mount.settings(Times.DEFAULT.operationNs());
      WatchedMount watched = new WatchedMount(settings, variant.variant(), delay.delays(), report);
      Lifetime.run(
          mount.stopWithStdin(), lifetime -> watched.start(ClusterDirectory.state(), lifetime));
      return 0;
    }
  }
}
