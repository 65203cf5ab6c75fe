package io.lockstep.tools.cli;

import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import io.lockstep.tools.cluster.ClusterDirectory;
import io.lockstep.tools.config.MountSettings;
import io.lockstep.tools.process.Lifetime;
import io.lockstep.tools.process.MountFlags;
import io.lockstep.tools.process.MountPoint;
import io.lockstep.tools.process.MountProcess;
import io.lockstep.tools.quickstart.BackgroundMount;
import io.lockstep.tools.quickstart.LocalCluster;
import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Confined to the main thread. {@code lockstep mount VOLUME DIR}. */
@Command(
    name = "mount",
    description = {
      "Mounts a volume.",
      "Returns when the mount answers, or with what went wrong. --foreground stays."
    },
    mixinStandardHelpOptions = true,
    footer = {"", "Example: lockstep mount photos ~/photos -o ro"})
final class MountCommand implements Callable<Integer> {
  private static final int WAIT_S_MAX = 3600;

  @Mixin private MountOptions mount;

  @Option(names = "--foreground", description = "stay in the foreground until SIGTERM")
  private boolean foreground;

  @Option(
      names = "--wait",
      paramLabel = "SECONDS",
      defaultValue = "10",
      description = "for the master and the volume to be there (default: ${DEFAULT-VALUE})")
  private int waitS;

  @Override
  public Integer call() throws UserError, IOException, Outcome, InterruptedException {
    Bounds.within("--wait", waitS, 0, WAIT_S_MAX);
    MountSettings settings = mount.settings(TimeUnit.SECONDS.toNanos(waitS));
    new MountPoint(settings.directory()).clearIfDead(ClusterDirectory.state());
    MountFlags.parse(settings.directory(), settings.options()).prepare();
    if (!foreground) {
      BackgroundMount.start(LocalCluster.launcher(), settings, ClusterDirectory.state());
      return 0;
    }
    Lifetime.run(
        mount.stopWithStdin(),
        lifetime -> MountProcess.start(settings, ClusterDirectory.state(), lifetime));
    return 0;
  }
}
