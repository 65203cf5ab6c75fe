package io.lockstep.simulation;

import io.lockstep.simulation.cluster.Variants;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Confined to its owner. Looks for less that still fails: fewer operations, then fewer kinds of
 * faults, within a time. Whether less fails too is a matter of chance, for everything after the
 * first difference is another history; so what is found is a smaller failure of the same seed, not
 * always the same one.
 */
final class Shrink {
  private static final int OPERATIONS_MIN = 20;

  private final Supplier<Variants> variants;
  private final long endNs;
  private Simulation.Result smallest;
  private int operations;
  private int tries;

  Shrink(Supplier<Variants> variants, Simulation.Result failed, int operations, long endNs) {
    this.variants = variants;
    this.smallest = failed;
    this.operations = operations;
    this.endNs = endNs;
  }

  int operations() {
    return operations;
  }

  int tries() {
    return tries;
  }

  /** The smallest failure that was found; the first one if nothing less fails. */
  Simulation.Result run() {
    boolean smaller = true;
    while (smaller) {
      smaller = fewerOperations();
      smaller |= fewerFaults();
    }
    return smallest;
  }

  private boolean fewerOperations() {
    boolean smaller = false;
    for (int part = operations / 2; part >= OPERATIONS_MIN / 2; part /= 2) {
      while (operations - part >= OPERATIONS_MIN && fails(operations - part, smallest.faults())) {
        operations -= part;
        smaller = true;
      }
    }
    return smaller;
  }

  private boolean fewerFaults() {
    boolean smaller = false;
    for (Fault fault : List.copyOf(smallest.faults())) {
      Set<Fault> rest = EnumSet.noneOf(Fault.class);
      rest.addAll(smallest.faults());
      rest.remove(fault);
      smaller |= fails(operations, rest);
    }
    return smaller;
  }

  private boolean fails(int count, Set<Fault> faults) {
    if (System.nanoTime() - endNs >= 0) {
      return false;
    }
    tries++;
    Simulation.Result result =
        new Simulation(smallest.seed(), count, variants.get(), Set.of(), faults).run(note -> {});
    if (!result.isOk()) {
      smallest = result;
    }
    return !result.isOk();
  }
}
