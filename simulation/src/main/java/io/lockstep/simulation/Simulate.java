package io.lockstep.simulation;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Confined to the main thread. {@code lockstep simulate}: runs seeds and tells people how they go;
 * exit 0 if nothing was violated, 1 if something was, 2 for misuse.
 */
public final class Simulate {
  private static final String USAGE =
      String.join(
          "\n",
          "usage: lockstep simulate [--seeds N] [--seed S] [--operations N] [--faults A,B,...]"
              + " [--trace]",
          "  --seeds N       run N seeds (default 20)",
          "  --seed S        the first one (default 1); a seed replays exactly",
          "  --operations N  of applications, per seed (default 1000)",
          "  --faults LIST   of these kinds, of: " + EnumSet.allOf(Fault.class),
          "                  (default: " + Fault.usual() + ")",
          "  --trace         tell everything that happens");

  private final PrintStream out;
  private int seeds = 20;
  private long first = 1;
  private int operations = 1000;
  private boolean trace;
  private boolean keepGoing;
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
    long startNs = System.nanoTime();
    long events = 0;
    for (int i = 0; i < seeds; i++) {
      Simulation.Result result = runSeed(first + i);
      events += result.events();
      double seconds = (System.nanoTime() - startNs) / 1e9;
      if (!result.isOk()) {
        if (!keepGoing) {
          tell(result);
          return 1;
        }
        violated.add(result.seed());
        out.printf("seed %d: VIOLATED (faults %s)%n", result.seed(), result.faults());
        result.problems().forEach(problem -> out.println("  " + problem));
        continue;
      }
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
          60 * (i + 1) / seconds);
    }
    if (!violated.isEmpty()) {
      out.printf("%d of %d seeds from %d violated: %s%n", violated.size(), seeds, first, violated);
      return 1;
    }
    out.printf(
        Locale.ROOT,
        "%d seeds from %d, nothing violated: %.1f s, %.0f events/s%n",
        seeds,
        first,
        (System.nanoTime() - startNs) / 1e9,
        events / ((System.nanoTime() - startNs) / 1e9));
    return 0;
  }

  private Simulation.Result runSeed(long seed) {
    AtomicInteger lines = new AtomicInteger();
    return new Simulation(
            seed, operations, io.lockstep.simulation.cluster.Variants.production(), possible)
        .run(
            line -> {
              lines.incrementAndGet();
              if (trace) {
                out.println(line);
              }
            });
  }

  private void tell(Simulation.Result result) {
    result.story().forEach(out::println);
    out.println();
    out.printf("seed %d: VIOLATED (faults %s)%n", result.seed(), result.faults());
    result.problems().forEach(problem -> out.println("  " + problem));
    out.printf(
        "replay: lockstep simulate --seed %d --seeds 1 --operations %d --trace%n",
        result.seed(), operations);
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
