package io.lockstep.tools.cluster;

import io.lockstep.tools.IoReason;
import io.lockstep.tools.UserError;
import io.lockstep.tools.config.Entries;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Immutable. Where the masters of a cluster are, and its secret: from {@code --master}, from {@code
 * LOCKSTEP_MASTER}, from {@code --dir} of a quickstart, or from the latest quickstart, in that
 * order.
 *
 * @param masters host:port of each
 * @param secretFile of the cluster
 */
public record ClusterAddress(List<String> masters, Path secretFile) {
  public ClusterAddress {
    masters = List.copyOf(masters);
  }

  /** What was said on the command line; null for what was not. */
  public record Hints(String master, Path directory, Path secretFile) {}

  public static ClusterAddress find(Hints hints, Map<String, String> environment) throws UserError {
    try {
      Optional<ClusterDirectory> quickstart =
          hints.directory() != null
              ? Optional.of(new ClusterDirectory(hints.directory()))
              : ClusterDirectory.latest();
      Path secret = secretFile(hints, environment, quickstart);
      if (hints.master() != null) {
        return new ClusterAddress(addresses("--master", hints.master()), secret);
      }
      String fromEnvironment = environment.get("LOCKSTEP_MASTER");
      if (fromEnvironment != null && !fromEnvironment.isEmpty()) {
        return new ClusterAddress(addresses("LOCKSTEP_MASTER", fromEnvironment), secret);
      }
      if (quickstart.isEmpty()) {
        throw UserError.misuse(
            "which cluster? give --master HOST:PORT or --dir DIR, or run lockstep quickstart");
      }
      return new ClusterAddress(List.of(quickstart.get().masterAddress()), secret);
    } catch (IOException e) {
      throw UserError.failed("the quickstart's directory cannot be read: %s", IoReason.withFile(e));
    }
  }

  private static List<String> addresses(String origin, String value) throws UserError {
    return new Entries(origin, Map.of("masters", value)).addresses("masters");
  }

  private static Path secretFile(
      Hints hints, Map<String, String> environment, Optional<ClusterDirectory> quickstart)
      throws UserError {
    if (hints.secretFile() != null) {
      return hints.secretFile();
    }
    String fromEnvironment = environment.get("LOCKSTEP_SECRET_FILE");
    if (fromEnvironment != null && !fromEnvironment.isEmpty()) {
      return Path.of(fromEnvironment);
    }
    return quickstart
        .map(ClusterDirectory::secretFile)
        .orElseThrow(
            () ->
                UserError.misuse(
                    "where is the cluster's secret? give --secret-file FILE or set"
                        + " LOCKSTEP_SECRET_FILE"));
  }
}
