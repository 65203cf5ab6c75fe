package io.lockstep.tools.cli;

import io.lockstep.tools.UserError;
import io.lockstep.tools.stress.Stress;
import io.lockstep.tools.stress.StressOptions;
import io.lockstep.tools.stress.StressReport;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Confined to the main thread. {@code lockstep stress DIR[,DIR2...]}. */
@Command(
    name = "stress",
    description = {
      "Writes and reads one file with many threads, and checks every block.",
      "They share descriptors, which are synced and closed meanwhile. Works on any "
          + "mounted filesystem.",
      "Exit code 0: nothing wrong; 1: a bad block, an error or a hang; 2: misuse. The "
          + "last line is the verdict."
    },
    mixinStandardHelpOptions = true,
    footer = {"", "Example: lockstep stress ~/photos,~/photos2 --threads 16 --seconds 60"})
final class StressCommand implements Callable<Integer> {
  private static final int MAX = 1_024;

  @Mixin private LoadOptions load;
  @Mixin private OutputOptions output;

  @Parameters(
      paramLabel = "DIR",
      split = ",",
      arity = "1..*",
      description = "a directory, or the same one through several mounts; left as it was found")
  private List<Path> directories;

  @Option(
      names = "--fds",
      paramLabel = "N",
      defaultValue = "4",
      description = "descriptors of the file, shared by the threads (default: ${DEFAULT-VALUE})")
  private int descriptors;

  @Option(
      names = "--blocks",
      paramLabel = "N",
      defaultValue = "64",
      description = "of 4 KiB in the file: fewer overlap more (default: ${DEFAULT-VALUE})")
  private int blocks;

  @Override
  public Integer call() throws UserError, IOException, InterruptedException {
    for (Path directory : directories) {
      if (!Files.isDirectory(directory)) {
        throw UserError.misuse("%s is not a directory", directory);
      }
    }
    StressOptions options =
        new StressOptions(
            directories,
            load.threads(1, MAX),
            Math.max(directories.size(), Bounds.within("--fds", descriptors, 1, MAX)),
            load.durationNs(),
            Bounds.within("--blocks", blocks, 1, MAX),
            StressOptions.READ_PERCENT,
            StressOptions.CLOSE_PERCENT);
    Stress stress = new Stress(options, this::progress);
    stress.prepare();
    StressReport report;
    try {
      stress.run();
      report = stress.compare();
    } finally {
      stress.clean();
    }
    PrintWriter out = output.out();
    output.print(report, table(report));
    if (!output.isJson()) {
      out.println(report.verdict());
      out.flush();
    }
    return report.isGood() ? 0 : Main.EXIT_FAILED;
  }

  private void progress(StressReport report) {
    if (Terminal.isStderr()) {
      PrintWriter err = output.err();
      err.printf("\r%d operations, %d ms the longest ", report.operations(), report.longestMs());
      err.flush();
    }
  }

  static Table table(StressReport report) {
    Table table =
        new Table("WRITES", "READS", "CLOSES", "FSYNCS", "COMPARED", "BAD", "ERRORS", "LONGEST");
    table.row(
        report.writes(),
        report.reads(),
        report.closes(),
        report.syncs(),
        report.checked(),
        report.bad(),
        report.errors(),
        report.longestMs() + " ms");
    return table;
  }
}
