package io.lockstep.tools.config;

import io.lockstep.tools.UserError;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Immutable. What a storage daemon is told before it starts.
 *
 * @param data its directory: replicas, marks, and who it is
 * @param host it listens on
 * @param port it listens on; 0 = the one it had before, else a free one
 * @param masters host:port of each
 * @param secretFile of the cluster
 * @param zone its failure domain, for people and for placement
 * @param readyFile written when it is usable, or null
 * @param logFile or null for stderr
 */
public record StorageSettings(
    Path data,
    String host,
    int port,
    List<String> masters,
    Path secretFile,
    String zone,
    Path readyFile,
    Path logFile) {
  private static final Pattern ZONE = Pattern.compile("[A-Za-z0-9._-]{0,64}");

  public StorageSettings {
    masters = List.copyOf(masters);
  }

  public static StorageSettings from(Entries entries) throws UserError {
    StorageSettings settings =
        new StorageSettings(
            entries.requiredPath("data"),
            entries.loopbackHost("host", "127.0.0.1"),
            entries.integer("port", 0, 0, 65_535),
            entries.addresses("masters"),
            entries.requiredPath("secret-file"),
            entries.text("zone", "", ZONE, "up to 64 letters, digits, dots, dashes or underscores"),
            entries.path("ready-file"),
            entries.path("log-file"));
    entries.refuseOthers();
    return settings;
  }
}
