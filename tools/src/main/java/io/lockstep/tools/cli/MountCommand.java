package io.lockstep.tools.cli;

import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import io.lockstep.tools.cluster.ClusterAddress;
import io.lockstep.tools.cluster.ClusterDirectory;
import io.lockstep.tools.config.MountSettings;
import io.lockstep.tools.process.Lifetime;
import io.lockstep.tools.process.MountFlags;
import io.lockstep.tools.process.MountPoint;
import io.lockstep.tools.process.MountProcess;
import io.lockstep.tools.quickstart.BackgroundMount;
import io.lockstep.tools.quickstart.LocalCluster;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Confined to the main thread. {@code lockstep mount VOLUME DIR}. */
@Command(
    name = "mount",
    description = "Mounts a volume; returns when the mount answers, or with what went wrong.",
    mixinStandardHelpOptions = true,
    footer = {"", "Example: lockstep mount photos ~/photos -o ro"})
final class MountCommand implements Callable<Integer> {
  private static final int WAIT_S_MAX = 3600;

  @Mixin private ClusterOptions cluster;

  @Parameters(paramLabel = "VOLUME")
  private String volume;

  @Parameters(paramLabel = "DIR")
  private Path directory;

  @Option(
      names = "-o",
      paramLabel = "OPTION",
      split = ",",
      description = "mount options, with commas or repeated")
  private List<String> options = new ArrayList<>();

  @Option(names = "--foreground", description = "stay in the foreground until SIGTERM")
  private boolean foreground;

  @Option(
      names = "--wait",
      paramLabel = "SECONDS",
      defaultValue = "10",
      description = "for the master and the volume to be there (default: ${DEFAULT-VALUE})")
  private int waitS;

  @Option(names = "--ready-file", paramLabel = "FILE", description = "written when it is usable")
  private Path readyFile;

  @Option(names = "--log-file", paramLabel = "FILE", description = "log there, rotated")
  private Path logFile;

  @Option(names = "--stop-with-stdin", description = "stop when stdin ends")
  private boolean stopWithStdin;

  @Override
  public Integer call() throws UserError, IOException, Outcome, InterruptedException {
    if (waitS < 0 || waitS > WAIT_S_MAX) {
      throw UserError.misuse("--wait is %d, expected 0 to %d seconds", waitS, WAIT_S_MAX);
    }
    ClusterAddress address = cluster.find();
    VolumeCommand.checkedName(volume);
    Path mountPoint = directory.toAbsolutePath().normalize();
    new MountPoint(mountPoint).clearOrphan(ClusterDirectory.state());
    MountFlags.parse(mountPoint, options).prepare();
    MountSettings settings =
        new MountSettings(
            volume,
            mountPoint,
            address.masters(),
            address.secretFile().toAbsolutePath(),
            options,
            TimeUnit.SECONDS.toNanos(waitS),
            readyFile,
            logFile);
    if (!foreground) {
      BackgroundMount.start(LocalCluster.launcher(), settings, ClusterDirectory.state());
      return 0;
    }
    Lifetime.run(
        stopWithStdin,
        lifetime -> MountProcess.start(settings, ClusterDirectory.state(), lifetime));
    return 0;
  }
}
