package io.lockstep.tools.cli;

import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import io.lockstep.tools.config.StorageSettings;
import io.lockstep.tools.process.Lifetime;
import io.lockstep.tools.process.StorageProcess;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Confined to the main thread. {@code lockstep storage}. */
@Command(
    name = "storage",
    description = "Runs a storage daemon, until SIGTERM.",
    mixinStandardHelpOptions = true,
    footer = {"", "Example: lockstep storage --config /srv/storage.yaml"})
final class StorageCommand implements Callable<Integer> {
  @Mixin private DaemonOptions options;

  @Option(
      names = "--masters",
      paramLabel = "HOST:PORT[,HOST:PORT...]",
      description = "masters of the cluster")
  private String masters;

  @Option(names = "--zone", paramLabel = "ZONE", description = "its failure domain")
  private String zone;

  @Override
  public Integer call() throws UserError, IOException, Outcome, InterruptedException {
    StorageSettings settings =
        StorageSettings.from(
            options.entries("storage").override("masters", masters).override("zone", zone));
    Lifetime.run(options.stopWithStdin(), lifetime -> StorageProcess.start(settings, lifetime));
    return 0;
  }
}
