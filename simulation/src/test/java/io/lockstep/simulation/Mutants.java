package io.lockstep.simulation;

import io.lockstep.core.Token;
import io.lockstep.lockd.lease.LeaseLimits;
import io.lockstep.lockd.lease.LeaseMutants;
import io.lockstep.lockd.lease.LeaseRules;
import io.lockstep.lockd.server.LockdServer;
import io.lockstep.replication.marks.MarkRules;
import io.lockstep.replication.marks.ObjectMarks;
import io.lockstep.simulation.cluster.Variants;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/** Production with one decision changed each, and the faults under which it shows. */
final class Mutants {
  /** Immutable. One of them. */
  record Mutant(String rule, String change, Set<Fault> faults, Supplier<Variants> variants) {}

  static final List<Mutant> ALL =
      List.of(
          new Mutant(
              "I1",
              "a reader is granted beside a writer",
              EnumSet.of(Fault.DELAY),
              () -> lockd(LeaseMutants.readerBesideWriter())),
          new Mutant(
              "I1",
              "a replica takes writes of an older token",
              EnumSet.of(Fault.PAUSE, Fault.DELAY, Fault.CUT, Fault.CLOCKS),
              () -> Variants.production().with(new AdmitsOlderToken())),
          new Mutant(
              "P1",
              "a lease that ended unclean is granted again without seal and settle",
              EnumSet.of(Fault.MOUNT_KILL, Fault.PAUSE, Fault.CUT),
              () -> lockd(LeaseMutants.grantsWithoutSettling())),
          new Mutant(
              "P5",
              "lockd grants in the grace period",
              EnumSet.of(Fault.MASTER_KILL),
              () -> lockd(LeaseMutants.grantsInGrace())));

  private Mutants() {}

  private static Variants lockd(LeaseRules rules) {
    return Variants.production()
        .withLockd(
            (master, epochOf, agent, times) ->
                new LockdServer(master, epochOf, agent, times, LeaseLimits.of(times), () -> rules));
  }

  private static final class AdmitsOlderToken extends MarkRules {
    @Override
    protected boolean isFenced(ObjectMarks marks, Token token) {
      return false;
    }
  }
}
