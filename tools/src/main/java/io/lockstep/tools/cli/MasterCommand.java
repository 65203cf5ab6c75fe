package io.lockstep.tools.cli;

import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import io.lockstep.tools.config.MasterSettings;
import io.lockstep.tools.process.Lifetime;
import io.lockstep.tools.process.MasterProcess;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Confined to the main thread. {@code lockstep master}. */
@Command(
    name = "master",
    description = {
      "Runs a metadata master with lockd, until SIGTERM.",
      "The secret file holds 64 hexadecimal digits, the same for every process of the " + "cluster."
    },
    mixinStandardHelpOptions = true,
    footer = {"", "Example: lockstep master --data /srv/master --secret-file /srv/secret"})
final class MasterCommand implements Callable<Integer> {
  @Mixin private DaemonOptions options;

  @Override
  public Integer call() throws UserError, IOException, Outcome, InterruptedException {
    MasterSettings settings = MasterSettings.from(options.entries("master"));
    Lifetime.run(options.stopWithStdin(), lifetime -> MasterProcess.start(settings, lifetime));
    return 0;
  }
}
