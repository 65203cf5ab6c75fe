package io.lockstep.tools.cli;

import io.lockstep.tools.UserError;
import io.lockstep.tools.cluster.ClusterAddress;
import io.lockstep.tools.config.MountSettings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Confined to its command. What is mounted where and how, and how the process is run. */
final class MountOptions {
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

  @Option(names = "--ready-file", paramLabel = "FILE", description = "written when it is usable")
  private Path readyFile;

  @Option(names = "--log-file", paramLabel = "FILE", description = "log there, rotated")
  private Path logFile;

  @Option(names = "--stop-with-stdin", description = "stop when stdin ends")
  private boolean stopWithStdin;

  /**
   * @param waitNs for the master and the volume to be there
   */
  MountSettings settings(long waitNs) throws UserError {
    ClusterAddress address = cluster.find();
    VolumeCommand.checkedName(volume);
    return new MountSettings(
        volume,
        directory.toAbsolutePath().normalize(),
        address.masters(),
        address.secretFile().toAbsolutePath(),
        options,
        waitNs,
        readyFile,
        logFile);
  }

  boolean stopWithStdin() {
    return stopWithStdin;
  }
}
