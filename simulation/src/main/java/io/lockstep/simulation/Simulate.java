package io.lockstep.simulation;

import io.lockstep.simulation.cluster.Variants;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Confined to the main thread. {@code lockstep simulate}: runs seeds and tells people how they go;
 * exit 0 if nothing was violated, 1 if something was, 2 for misuse.
 */
public final class Simulate {
  private static final String INDENT = "                 ";
  private static final int LINE_MAX = 92;

  private static final String USAGE =
      String.join(
          "\n",
          "usage: lockstep simulate [--seeds N] [--seed S] [--operations N] [--faults A,B,...]",
          "                         [--all] [--minutes M] [--keep-going] [--trace]",
          "",
          "Runs whole clusters of production classes (a master, three storage daemons, two or three",
          "mounts with applications) in one thread on virtual time, while faults happen as the seed",
          "has it. Then the faults stop, everything must come to rest, and checkers look at what",
          "applications saw and at what is on the disks. A seed replays exactly.",
          "",
          "  --seeds N       run N seeds (default 20)",
          "  --seed S        the first one (default 1)",
          "  --minutes M     instead of a count: as many seeds as fit",
          "  --operations N  of applications, per seed (default 1000)",
          "  --faults LIST   some of these kinds happen, as chance has it; \"\" for none, of:",
          kinds(EnumSet.allOf(Fault.class)),
          "                  default:",
          kinds(Fault.usual()),
          "  --all           all of the faults named, not some of them",
          "  --keep-going    do not stop at the first violation",
          "  --trace         tell everything that happens",
          "",
          "examples:",
          "  lockstep simulate --seeds 100             a hundred clusters, a few minutes",
          "  lockstep simulate --seed 7 --seeds 1 --trace | less",
          "  lockstep simulate --faults STORAGE_POWER,CUT --all --operations 300",
          "",
          "Exit code: 0 nothing was violated, 1 something was, 2 wrong usage. On a violation the",
          "seed is printed with a smaller run that still fails, and the story of its last events.");

  private static final int PROBLEMS_MAX = 12;
  private static final long SHRINK_NS = 45_000_000_000L;

  private final PrintStream out;
  private int seeds = 20;
  private long first = 1;
  private int operations = 1000;
  private boolean trace;
  private boolean keepGoing;
  private boolean all;
  private long minutes;
  private final List<Long> violated = new ArrayList<>();
  private Set<Fault> possible = Fault.usual();

  private Simulate(PrintStream out) {
    this.out = out;
  }

  public static void main(String[] args) {
    System.exit(new Simulate(System.out).run(List.of(args)));
  }

  private int run(List<String> args) {
    try {
      if (!parse(args)) {
        out.println(USAGE);
        return 0;
      }
    } catch (IllegalArgumentException e) {
      System.err.println("lockstep simulate: " + e.getMessage());
      System.err.println(USAGE);
      return 2;
    }
    return runSeeds();
  }

  private int runSeeds() {
    long startNs = System.nanoTime();
    long events = 0;
    int done = 0;
    while (minutes > 0 ? seconds(startNs) < 60.0 * minutes : done < seeds) {
      long seed = first + done++;
      Simulation.Result result = simulation(seed).run(trace ? out::println : note -> {});
      events += result.events();
      if (result.isOk()) {
        tellOk(result, 60 * done / seconds(startNs));
      } else if (keepGoing) {
        violated.add(seed);
        tellProblems(result);
      } else {
        tell(result);
        return 1;
      }
    }
    String verdict = violated.isEmpty() ? "nothing violated" : "violated: " + violated;
    out.printf(
        Locale.ROOT,
        "%d seeds from %d, %s; %.1f s, %.0f events/s%n",
        done,
        first,
        verdict,
        seconds(startNs),
        events / seconds(startNs));
    return violated.isEmpty() ? 0 : 1;
  }

  private static double seconds(long sinceNs) {
    return (System.nanoTime() - sinceNs) / 1e9;
  }

  private Simulation simulation(long seed) {
    return all
        ? new Simulation(seed, operations, Variants.production(), Set.of(), possible)
        : new Simulation(seed, operations, Variants.production(), possible);
  }

  private void tellOk(Simulation.Result result, double seedsPerMinute) {
    out.printf(
        Locale.ROOT,
        "seed %d: ok, %d operations (%d failed), %d faults of %s, %.0f s of its time, %d events,"
            + " trace %016x; %.1f seeds/min%n",
        result.seed(),
        result.operations(),
        result.failed(),
        result.faultsHappened(),
        result.faults(),
        result.virtualNs() / 1e9,
        result.events(),
        result.traceHash(),
        seedsPerMinute);
  }

  private void tellProblems(Simulation.Result result) {
    out.printf("seed %d: VIOLATED (faults %s)%n", result.seed(), result.faults());
    result.problems().stream().limit(PROBLEMS_MAX).forEach(problem -> out.println("  " + problem));
    int more = result.problems().size() - PROBLEMS_MAX;
    if (more > 0) {
      out.println("  and " + more + " more");
    }
  }

  private void tell(Simulation.Result result) {
    tellProblems(result);
    out.println("looking for less that still fails ...");
    Shrink shrink =
        new Shrink(Variants::production, result, operations, System.nanoTime() + SHRINK_NS);
    Simulation.Result smallest = shrink.run();
    out.println();
    smallest.story().forEach(out::println);
    out.println();
    tellProblems(smallest);
    out.printf(
        "replay:      lockstep simulate --seed %d --seeds 1 --operations %d%s --trace%n",
        result.seed(), operations, faultOptions(all ? result.faults() : possible, all));
    out.printf(
        "a smaller one, of %d tries: lockstep simulate --seed %d --seeds 1 --operations %d%s%n",
        shrink.tries(), result.seed(), shrink.operations(), faultOptions(smallest.faults(), true));
  }

  private static String faultOptions(Set<Fault> faults, boolean all) {
    if (!all && faults.equals(Fault.usual())) {
      return "";
    }
    String names = faults.stream().map(Fault::name).collect(Collectors.joining(","));
    return " --faults " + (names.isEmpty() ? "\"\"" : names) + (all ? " --all" : "");
  }

  private static String kinds(Set<Fault> faults) {
    StringBuilder text = new StringBuilder();
    String line = INDENT;
    for (Fault fault : faults) {
      if (line.length() + fault.name().length() > LINE_MAX) {
        text.append(line).append('\n');
        line = INDENT;
      }
      line += " " + fault.name();
    }
    return text.append(line).toString();
  }

  /** False if only help was wanted. */
  private boolean parse(List<String> args) {
    for (int i = 0; i < args.size(); i++) {
      switch (args.get(i)) {
        case "simulate" -> {
          // The launcher hands the whole command line over.
        }
        case "--help", "-h" -> {
          return false;
        }
        case "--trace" -> trace = true;
        case "--all" -> all = true;
        case "--minutes" -> minutes = number(args, ++i);
        case "--keep-going" -> keepGoing = true;
        case "--seeds" -> seeds = (int) number(args, ++i);
        case "--seed" -> first = number(args, ++i);
        case "--operations" -> operations = (int) number(args, ++i);
        case "--faults" -> possible = faults(args, ++i);
        default -> throw new IllegalArgumentException("unknown option " + args.get(i));
      }
    }
    return true;
  }

  private static long number(List<String> args, int index) {
    try {
      return Long.parseLong(value(args, index));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(args.get(index - 1) + " needs a number", e);
    }
  }

  private static String value(List<String> args, int index) {
    if (index >= args.size()) {
      throw new IllegalArgumentException(args.get(index - 1) + " needs a value");
    }
    return args.get(index);
  }

  private static EnumSet<Fault> faults(List<String> args, int index) {
    EnumSet<Fault> chosen = EnumSet.noneOf(Fault.class);
    for (String name : value(args, index).split(",", -1)) {
      if (!name.isEmpty()) {
        chosen.add(Fault.valueOf(name.toUpperCase(Locale.ROOT)));
      }
    }
    return chosen;
  }
}
