package io.lockstep.tools.cli;

import io.lockstep.tools.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Confined to the main thread. {@code lockstep bench DIR}: runs {@code tools/bench/fsbench}. */
@Command(
    name = "bench",
    description = {
      "Measures a mounted directory, of any filesystem.",
      "Runs tools/bench/fsbench, which needs python3 and fio. Exit code: that of " + "fsbench."
    },
    mixinStandardHelpOptions = true,
    footer = {"", "Example: lockstep bench ~/lockstep --label lockstep --json lockstep.json"})
final class BenchCommand implements Callable<Integer> {
  @Parameters(paramLabel = "DIR", description = "left as it was found")
  private Path directory;

  @Option(names = "--label", paramLabel = "NAME", description = "in the output")
  private String label;

  @Option(names = "--only", paramLabel = "W1,W2", description = "only these workloads")
  private String only;

  @Option(names = "--scale", paramLabel = "F", description = "of all sizes (default: 1.0)")
  private Double scale;

  @Option(names = "--json", paramLabel = "FILE", description = "the figures for fsbench --compare")
  private Path json;

  @Override
  public Integer call() throws UserError, IOException, InterruptedException {
    if (!Files.isDirectory(directory)) {
      throw UserError.misuse("%s is not a directory", directory);
    }
    Path fsbench =
        Path.of(System.getenv().getOrDefault("LOCKSTEP_HOME", "."), "tools/bench/fsbench");
    if (!Files.isExecutable(fsbench)) {
      throw UserError.failed("%s is not there", fsbench);
    }
    List<String> command = new ArrayList<>(List.of(fsbench.toString(), directory.toString()));
    option(command, "--label", label);
    option(command, "--only", only);
    option(command, "--scale", scale);
    option(command, "--json", json);
    return new ProcessBuilder(command).inheritIO().start().waitFor();
  }

  private static void option(List<String> command, String name, Object value) {
    if (value != null) {
      command.add(name);
      command.add(value.toString());
    }
  }
}
