package io.lockstep.tools.cli;

import io.lockstep.tools.UserError;
import io.lockstep.tools.repro.Delays;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** Confined to its command. Where a reproduction stops for a random time. */
final class DelayOptions {
  @Option(
      names = "--delay",
      paramLabel = "POINT=MS..MS",
      description =
          "stop there at random: arrive, flush, wake (default 0..20), lock, unlock; repeatable")
  private List<String> delays = new ArrayList<>();

  Delays delays() throws UserError {
    return Delays.parse(delays);
  }
}
