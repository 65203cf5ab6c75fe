package io.lockstep.tools.cli;

import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Confined to the main thread. A command that is only the head of others: alone it is misuse. */
@Command(mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
abstract class CommandGroup implements Runnable {
  private final String kind;

  @Spec private CommandSpec spec;

  /**
   * @param kind what its subcommands are, in one word or two
   */
  CommandGroup(String kind) {
    this.kind = kind;
  }

  @Override
  public final void run() {
    CommandLine self = spec.commandLine();
    List<String> names =
        self.getSubcommands().entrySet().stream()
            .filter(below -> !below.getValue().getCommandSpec().usageMessage().hidden())
            .map(below -> below.getKey())
            .toList();
    throw new ParameterException(self, "which " + kind + "? one of: " + String.join(", ", names));
  }
}
