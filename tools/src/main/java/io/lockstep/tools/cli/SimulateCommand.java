package io.lockstep.tools.cli;

import io.lockstep.tools.UserError;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Unmatched;

/**
 * Confined to the main thread. What {@code lockstep help} says of {@code lockstep simulate}. The
 * simulator is no part of the product: the launcher of the source tree calls it.
 */
@Command(
    name = "simulate",
    description = {
      "Runs whole clusters in one thread on virtual time, with faults, by seed.",
      "Checkers look at what applications saw. In the source tree only. Its options: "
          + "lockstep simulate --help"
    },
    mixinStandardHelpOptions = true,
    footer = {"", "Example: lockstep simulate --seeds 20"})
final class SimulateCommand implements Callable<Integer> {
  /** The simulator's, which nobody reads here. */
  @Unmatched
  @SuppressWarnings("UnusedVariable")
  private List<String> options = new ArrayList<>();

  @Override
  public Integer call() throws UserError {
    throw UserError.failed(
        "the simulator is not part of this product: run ./lockstep simulate in the source tree");
  }
}
