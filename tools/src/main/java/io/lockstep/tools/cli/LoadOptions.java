package io.lockstep.tools.cli;

import io.lockstep.tools.UserError;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Option;

/** Confined to its command. How many threads work, and for how long. */
final class LoadOptions {
  private static final int SECONDS_MAX = (int) TimeUnit.DAYS.toSeconds(365);

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "8",
      description = "(default: ${DEFAULT-VALUE})")
  private int threads;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      defaultValue = "30",
      description = "(default: ${DEFAULT-VALUE})")
  private int seconds;

  int threads(int min, int max) throws UserError {
    return Bounds.within("--threads", threads, min, max);
  }

  long durationNs() throws UserError {
    return TimeUnit.SECONDS.toNanos(Bounds.within("--seconds", seconds, 1, SECONDS_MAX));
  }
}
