package io.lockstep.tools.cli;

import io.lockstep.core.Outcome;
import io.lockstep.tools.IoReason;
import io.lockstep.tools.UserError;
import java.io.IOException;
import java.util.Locale;
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
      SimulateCommand.class,
      ReproCommand.Master.class,
      ReproCommand.Mount.class,
      Main.Completion.class,
    },
    footer = {
      "",
      "Example: lockstep quickstart             a cluster here, mounted at ~/lockstep",
      "         lockstep help volume check      what a command does, with an example",
      "",
      "Exit codes: 0 done, 1 failed, 2 misuse. Listings take --output json."
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
        e.getMessage() + " (see: lockstep help" + (name.isEmpty() ? "" : " " + name) + ")",
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
    if (e instanceof IOException failure) {
      return complain(command, IoReason.withFile(failure), EXIT_FAILED);
    }
    throw e;
  }

  private static int complain(CommandLine command, String message, int exitCode) {
    command.getErr().println("lockstep: " + oneLine(message));
    command.getErr().flush();
    return exitCode;
  }

  /** What names and answers of others contain breaks no line and moves no cursor. */
  private static String oneLine(String message) {
    StringBuilder line = new StringBuilder();
    message
        .codePoints()
        .forEach(
            c -> {
              if (Character.isISOControl(c)) {
                line.append(String.format(Locale.ROOT, "\\x%02x", c));
              } else {
                line.appendCodePoint(c);
              }
            });
    return line.toString();
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
