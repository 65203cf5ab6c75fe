package io.lockstep.tools.cli;

import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import io.lockstep.tools.check.CheckProgress;
import io.lockstep.tools.check.Difference;
import io.lockstep.tools.check.LeaseSession;
import io.lockstep.tools.check.SetVerdict;
import io.lockstep.tools.check.VolumeCheck;
import io.lockstep.tools.cluster.AdminConnection;
import io.lockstep.wire.message.VolumeRow;
import java.io.PrintWriter;
import java.util.List;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import picocli.CommandLine.Command;

/** Confined to the main thread. {@code lockstep volume check NAME}. */
@Command(
    name = "check",
    description = {
      "Compares every object on the disks of all members, and with the namespace.",
      "The volume may be in use. Exit code 1 on any difference, and if anything could "
          + "not be compared."
    },
    mixinStandardHelpOptions = true,
    footer = {"", "Example: lockstep volume check demo --output json"})
final class VolumeCheckCommand extends VolumeReport {
  @Override
  boolean report(AdminConnection connection, VolumeRow row, OutputOptions output)
      throws UserError, Outcome {
    try (LeaseSession leases = new LeaseSession(connection, row.getName());
        Progress progress = new Progress()) {
      List<SetVerdict> verdicts = new VolumeCheck(connection, leases, progress).run(row);
      PrintWriter out = output.out();
      if (!output.isJson()) {
        verdicts.forEach(verdict -> details(out, verdict));
      }
      output.print(verdicts, table(verdicts));
      return verdicts.stream().allMatch(v -> v.verdict() == SetVerdict.Verdict.EQUAL);
    }
  }

  private static void details(PrintWriter out, SetVerdict verdict) {
    for (Difference difference : verdict.differences()) {
      out.println(difference);
    }
    for (String skipped : verdict.skipped()) {
      out.println("set " + verdict.set() + ": skipped: " + skipped);
    }
  }

  private static Table table(List<SetVerdict> verdicts) {
    Table table =
        new Table("SET", "MEMBERS", "FILES", "BYTES", "DIFFERENCES", "SKIPPED", "VERDICT");
    for (SetVerdict verdict : verdicts) {
      table.row(
          verdict.set(),
          String.join(" ", verdict.members()),
          verdict.files(),
          Words.bytes(verdict.bytes()),
          verdict.differences().size(),
          verdict.skipped().size(),
          verdict.verdict());
    }
    return table;
  }

  /** Confined to its command. A bar on a terminal, nothing elsewhere. */
  private static final class Progress implements CheckProgress, AutoCloseable {
    private final boolean shown = Terminal.isStderr();
    private ProgressBar bar;

    @Override
    public void onSet(long set, long files) {
      if (shown) {
        bar =
            new ProgressBarBuilder()
                .setTaskName("set " + set)
                .setInitialMax(files)
                .setUnit(" files", 1)
                .setStyle(ProgressBarStyle.ASCII)
                .build();
      }
    }

    @Override
    public void onFile(long bytes) {
      if (bar != null) {
        bar.step();
      }
    }

    @Override
    public void onSetEnd() {
      close();
    }

    @Override
    public void close() {
      if (bar != null) {
        bar.close();
        bar = null;
      }
    }
  }
}
