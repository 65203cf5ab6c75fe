package io.lockstep.tools.cli;

import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import io.lockstep.tools.cluster.AdminConnection;
import io.lockstep.wire.message.VolumeRow;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;

/** Confined to the main thread. A command that looks at one volume, and says if all is well. */
abstract class VolumeReport implements Callable<Integer> {
  @Mixin private ClusterOptions cluster;
  @Mixin private OutputOptions output;

  @Mixin private VolumeName.Parameter volume;

  @Override
  public final Integer call() throws UserError, Outcome {
    try (AdminConnection connection = cluster.connect()) {
      boolean well = report(connection, volume.name().find(connection), output);
      return well ? 0 : Main.EXIT_FAILED;
    }
  }

  /** Prints what it found; true if all is well. */
  abstract boolean report(AdminConnection connection, VolumeRow row, OutputOptions output)
      throws UserError, Outcome;
}
