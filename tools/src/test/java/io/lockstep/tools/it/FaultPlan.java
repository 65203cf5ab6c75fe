package io.lockstep.tools.it;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Immutable. Which faults hit whom, in which order: all of it follows from one seed.
 *
 * @param steps one after the other; the next begins when the cluster has recovered from the last
 */
record FaultPlan(long seed, List<Step> steps) {
  /**
   * One fault.
   *
   * @param storage number of the storage daemon that it hits, from 1
   * @param mount index of the mount that it hits
   */
  record Step(Fault fault, int storage, int mount) {
    @Override
    public String toString() {
      return switch (fault) {
        case MASTER_KILL, POWER_CUT -> fault.toString();
        case MOUNT_KILL, MOUNT_STOP -> fault + " mount " + mount;
        case CUT_LINK -> fault + " storage " + storage + " and mount " + mount;
        default -> fault + " storage " + storage;
      };
    }
  }

  /** Of these groups one each, so that a short run has every way to fail in it. */
  static final List<List<Fault>> SHORT =
      List.of(
          List.of(Fault.CUT, Fault.CUT_TO, Fault.CUT_FROM, Fault.CUT_LINK, Fault.RESET, Fault.SLOW),
          List.of(Fault.KILL, Fault.STOP, Fault.FREEZE),
          List.of(Fault.WRITE_ERROR, Fault.SYNC_ERROR, Fault.NO_SPACE, Fault.FULL_DISK),
          List.of(Fault.POWER_CUT));

  /** A run for the gate: one of each group, in an order of its own. Other seeds take others. */
  static FaultPlan quick(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Fault> faults = new ArrayList<>();
    SHORT.forEach(group -> faults.add(group.get(random.nextInt(group.size()))));
    return new FaultPlan(seed, steps(faults, random));
  }

  /** Only these, in this order. */
  static FaultPlan of(long seed, List<Fault> faults) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Step> steps = new ArrayList<>();
    faults.forEach(fault -> steps.add(step(fault, random)));
    return new FaultPlan(seed, List.copyOf(steps));
  }

  /** All faults, so many times, each time in another order. */
  static FaultPlan rounds(long seed, int rounds) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Step> steps = new ArrayList<>();
    for (int i = 0; i < rounds; i++) {
      steps.addAll(steps(List.of(Fault.values()), random));
    }
    return new FaultPlan(seed, List.copyOf(steps));
  }

  private static List<Step> steps(List<Fault> faults, SplittableRandom random) {
    List<Fault> left = new ArrayList<>(faults);
    List<Step> steps = new ArrayList<>();
    while (!left.isEmpty()) {
      steps.add(step(left.remove(random.nextInt(left.size())), random));
    }
    return List.copyOf(steps);
  }

  private static Step step(Fault fault, SplittableRandom random) {
    return new Step(
        fault, 1 + random.nextInt(FaultCluster.STORAGES), random.nextInt(FaultCluster.MOUNTS));
  }
}
