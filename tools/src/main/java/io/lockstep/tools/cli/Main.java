package io.lockstep.tools.cli;

import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/** Confined to the main thread. The command {@code lockstep}. */
@Command(
    name = "lockstep",
    description = "A replicated filesystem: every write goes to all replicas of its file.",
    version = "lockstep 0.1.0",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      HelpCommand.class,
      QuickstartCommand.class,
      MasterCommand.class,
      StorageCommand.class,
      MountCommand.class,
      UmountCommand.class,
      VolumeCommand.class,
      ClusterCommand.class,
      HealCommand.class,
      LockCommand.class,
      BenchCommand.class,
      StressCommand.class,
      ExploreCommand.class,
      ReproCommand.class,
      ReproCommand.Master.class,
      ReproCommand.Mount.class,
      Main.Completion.class,
    },
    footer = {
      "",
      "Example: lockstep quickstart        a cluster on this machine, mounted at ~/lockstep",
      "         lockstep help volume check"
    })
public final class Main implements Callable<Integer> {
  static final int EXIT_FAILED = 1;
  static final int EXIT_MISUSE = 2;

  @Spec private CommandSpec spec;

  public static void main(String[] arguments) {
    System.exit(commandLine().execute(arguments));
  }

  static CommandLine commandLine() {
    return new CommandLine(new Main())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler(Main::onMisuse)
        .setExecutionExceptionHandler(Main::onFailure);
  }

  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return EXIT_MISUSE;
  }

  private static int onMisuse(ParameterException e, String[] arguments) {
    CommandLine command = e.getCommandLine();
    String name = command.getCommandSpec().qualifiedName().replaceFirst("^lockstep ?", "");
    return complain(
        command,
        firstLine(e.getMessage())
            + " (see: lockstep help"
            + (name.isEmpty() ? "" : " " + name)
            + ")",
        EXIT_MISUSE);
  }

  private static int onFailure(Exception e, CommandLine command, ParseResult parsed)
      throws Exception {
    if (e instanceof UserError error) {
      return complain(command, error.getMessage(), error.exitCode());
    }
    if (e instanceof Outcome outcome) {
      return complain(command, outcome.getMessage(), EXIT_FAILED);
    }
    if (e instanceof java.io.IOException) {
      return complain(command, e.getClass().getSimpleName() + ": " + e.getMessage(), EXIT_FAILED);
    }
    throw e;
  }

  private static int complain(CommandLine command, String message, int exitCode) {
    command.getErr().println("lockstep: " + message);
    command.getErr().flush();
    return exitCode;
  }

  private static String firstLine(String message) {
    return message.lines().findFirst().orElse(message);
  }

  @Command(
      name = "completion",
      mixinStandardHelpOptions = true,
      description = "Prints a script that completes commands in bash and zsh.",
      footer = {"", "Example: source <(lockstep completion)"})
  static final class Completion implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Override
    public Integer call() {
      spec.commandLine().getOut().println(AutoComplete.bash("lockstep", spec.root().commandLine()));
      spec.commandLine().getOut().flush();
      return 0;
    }
  }
}
