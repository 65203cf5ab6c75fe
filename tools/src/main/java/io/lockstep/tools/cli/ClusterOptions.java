package io.lockstep.tools.cli;

import io.lockstep.tools.UserError;
import io.lockstep.tools.cluster.AdminConnection;
import io.lockstep.tools.cluster.ClusterAddress;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Option;

/** Confined to its command. How a command is told which cluster it talks to. */
final class ClusterOptions {
  /** For a question that the master answers out of its memory. */
  static final long ASK_NS = TimeUnit.SECONDS.toNanos(8);

  @Option(
      names = "--master",
      paramLabel = "HOST:PORT[,HOST:PORT...]",
      description =
          "masters of the cluster (default: LOCKSTEP_MASTER, --dir, the latest quickstart)")
  private String master;

  @Option(names = "--dir", paramLabel = "DIR", description = "the directory of a quickstart")
  private Path directory;

  @Option(
      names = "--secret-file",
      paramLabel = "FILE",
      description = "the cluster's secret (default: LOCKSTEP_SECRET_FILE, that of the quickstart)")
  private Path secretFile;

  AdminConnection connect() throws UserError {
    return AdminConnection.open(find());
  }

  ClusterAddress find() throws UserError {
    return ClusterAddress.find(
        new ClusterAddress.Hints(master, directory, secretFile), System.getenv());
  }
}
