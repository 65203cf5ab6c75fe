package io.lockstep.tools.config;

import io.lockstep.tools.UserError;
import java.nio.file.Path;

/**
 * Immutable. What a master is told before it starts.
 *
 * @param data its directory
 * @param host it listens on
 * @param port it listens on; 0 = the one it had before, else a free one
 * @param secretFile of the cluster
 * @param readyFile written when it is usable, or null
 * @param logFile or null for stderr
 */
public record MasterSettings(
    Path data, String host, int port, Path secretFile, Path readyFile, Path logFile) {

  public static MasterSettings from(Entries entries) throws UserError {
    MasterSettings settings =
        new MasterSettings(
            entries.requiredPath("data"),
            entries.loopbackHost("host", "127.0.0.1"),
            entries.integer("port", 0, 0, 65_535),
            entries.requiredPath("secret-file"),
            entries.path("ready-file"),
            entries.path("log-file"));
    entries.refuseOthers();
    return settings;
  }
}
