package io.lockstep.tools.cli;

import io.lockstep.tools.UserError;
import io.lockstep.tools.explore.EagerLockBounds;
import io.lockstep.tools.explore.Exploration;
import io.lockstep.tools.explore.Explorer;
import io.lockstep.tools.explore.World;
import io.lockstep.tools.repro.EagerLockVariant;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Confined to the main thread. {@code lockstep explore}. */
@Command(
    name = "explore",
    description = {
      "Tries every order of events of a state machine: eager-lock.",
      "Shows the shortest way to a violation."
    },
    subcommands = ExploreCommand.EagerLockExploration.class,
    footer = {"", "Example: lockstep explore eager-lock --variant afr-before"})
final class ExploreCommand extends CommandGroup {
  ExploreCommand() {
    super("state machine");
  }

  /** {@code lockstep explore eager-lock}. */
  @Command(
      name = "eager-lock",
      description = {
        "The eager lock of a file at one mount, with lockd and another mount around it.",
        "Writers only, and, for ours, fewer of them with a reader, an upgrade and a "
            + "write-back buffer; or as many of each as is said.",
        "Exit code 0: nothing violated in any state; 1: violated; 2: misuse. The last "
            + "line is the verdict."
      },
      mixinStandardHelpOptions = true,
      footer = {"", "Example: lockstep explore eager-lock --variant afr-before --writers 2"})
  static final class EagerLockExploration implements Callable<Integer> {
    @Mixin private VariantOption variant;
    @Mixin private OutputOptions output;

    @Option(
        names = "--writers",
        paramLabel = "N",
        defaultValue = "4",
        description = "1 to 4 (default: ${DEFAULT-VALUE})")
    private int writers;

    @Option(
        names = "--readers",
        paramLabel = "N",
        defaultValue = "0",
        description =
            "0 to 2 (default: ${DEFAULT-VALUE}); not those of AFR, whose reads take no lock")
    private int readers;

    @Option(
        names = "--buffers",
        paramLabel = "N",
        defaultValue = "0",
        description =
            "write-back buffers that own the lease until they are told: 0 to 2 (default: ${DEFAULT-VALUE})")
    private int buffers;

    @Option(
        names = "--flushes",
        paramLabel = "N",
        defaultValue = "2",
        description = "0 to 2 (default: ${DEFAULT-VALUE})")
    private int flushes;

    @Option(
        names = "--contentions",
        paramLabel = "N",
        defaultValue = "1",
        description =
            "how often another client wants the lease: 0 or 1 (default: ${DEFAULT-VALUE})")
    private int contentions;

    @Option(
        names = "--failures",
        paramLabel = "N",
        defaultValue = "1",
        description =
            "of a write, of the lease, or of an answer of lockd: 0 to 2 (default: ${DEFAULT-VALUE})")
    private int failures;

    @Option(
        names = "--epochs",
        paramLabel = "N",
        defaultValue = "1",
        description = "changes of the configuration: 0 to 2 (default: ${DEFAULT-VALUE})")
    private int epochs;

    @Override
    public Integer call() throws UserError {
      EagerLockVariant chosen = variant.variant();
      EagerLockBounds bounds =
          new EagerLockBounds(
              Bounds.within("--writers", writers, 1, EagerLockBounds.WRITERS_MAX),
              Bounds.within("--readers", readers, 0, EagerLockBounds.OTHERS_MAX),
              Bounds.within("--buffers", buffers, 0, EagerLockBounds.OTHERS_MAX),
              Bounds.within("--flushes", flushes, 0, EagerLockBounds.OTHERS_MAX),
              Bounds.within("--contentions", contentions, 0, 1),
              Bounds.within("--failures", failures, 0, EagerLockBounds.OTHERS_MAX),
              Bounds.within("--epochs", epochs, 0, EagerLockBounds.OTHERS_MAX));
      boolean mixed = readers + buffers > 0;
      if (mixed && chosen.isHistoric()) {
        throw UserError.misuse("%s has no readers and no buffers: its reads take no lock", chosen);
      }
      List<EagerLockBounds> all = new ArrayList<>(List.of(bounds));
      if (bounds.equals(EagerLockBounds.WRITERS) && !chosen.isHistoric()) {
        all.add(EagerLockBounds.MIXED);
      }
      return explore(chosen, all) ? 0 : Main.EXIT_FAILED;
    }

    private boolean explore(EagerLockVariant chosen, List<EagerLockBounds> all) {
      PrintWriter err = output.err();
      PrintWriter out = output.out();
      List<Exploration> explorations = new ArrayList<>();
      for (EagerLockBounds bounds : all) {
        explorations.add(Exploration.of(chosen, bounds, count -> progress(err, count)));
      }
      if (output.isJson()) {
        output.print(explorations, null);
      } else {
        explorations.forEach(exploration -> print(out, exploration));
      }
      return explorations.stream().allMatch(Exploration::isGood);
    }

    private static void progress(PrintWriter err, long count) {
      if (Terminal.isStderr()) {
        err.print("\r" + count + " states ");
        err.flush();
      }
    }

    private static void print(PrintWriter out, Exploration exploration) {
      for (Explorer.Found found : exploration.found()) {
        List<World.Step> trace = found.trace();
        out.println(found.kind() + ", after " + trace.size() + " steps:");
        Table table = new Table("STEP", "EVENT", "THE EAGER LOCK", "STATE");
        for (int i = 0; i < trace.size(); i++) {
          World.Step step = trace.get(i);
          table.row(i + 1, step.event(), step.effects(), step.state());
        }
        table.print(out);
        out.println(found.message() + "\n");
      }
      out.printf(
          "%s, %s: %d states, %d transitions, %d steps deep%n",
          exploration.variant(),
          exploration.bounds(),
          exploration.states(),
          exploration.transitions(),
          exploration.depth());
      out.println(exploration.verdict());
      out.flush();
    }
  }
}
