package io.lockstep.tools.config;

import java.nio.file.Path;
import java.util.List;

/**
 * Immutable. What a mount is told before it starts.
 *
 * @param volume its name
 * @param directory where it appears
 * @param masters host:port of each
 * @param secretFile of the cluster
 * @param options as after {@code -o}
 * @param waitNs for the master and the volume to be there
 * @param readyFile written when it is usable, or null
 * @param logFile or null for stderr
 */
public record MountSettings(
    String volume,
    Path directory,
    List<String> masters,
    Path secretFile,
    List<String> options,
    long waitNs,
    Path readyFile,
    Path logFile) {

  public MountSettings {
    masters = List.copyOf(masters);
    options = List.copyOf(options);
  }
}
