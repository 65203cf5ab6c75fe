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
  @Mixin private ProcessOptions process;

  @Parameters(
      paramLabel = "VOLUME",
      description = "its name",
      converter = VolumeName.Converter.class)
  private VolumeName volume;

  @Parameters(paramLabel = "DIR", description = "an empty directory")
  private Path directory;

  @Option(
      names = "-o",
      paramLabel = "OPTION",
      split = ",",
      description = {
        "with commas or repeated; besides those of mount(8): ro, allow_other, nonempty,"
            + " cache=coherent|loose, writeback=on|off, lease-idle=SECONDS"
      })
  private List<String> options = new ArrayList<>();

  /**
   * @param waitNs for the master and the volume to be there
   */
  MountSettings settings(long waitNs) throws UserError {
    ClusterAddress address = cluster.find();
    return new MountSettings(
        volume.text(),
        directory.toAbsolutePath().normalize(),
        address.masters(),
        address.secretFile().toAbsolutePath(),
        options,
        waitNs,
        process.readyFile(),
        process.logFile());
  }

  boolean stopWithStdin() {
    return process.stopWithStdin();
  }
}
