package io.lockstep.tools.repro;

import io.lockstep.core.Outcome;
import io.lockstep.core.Times;
import io.lockstep.lockd.lease.LeaseLimits;
import io.lockstep.lockd.lease.LeaseRules;
import io.lockstep.tools.UserError;
import io.lockstep.tools.config.MasterSettings;
import io.lockstep.tools.process.Lifetime;
import io.lockstep.tools.process.MasterProcess;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** Immutable. A master whose lockd may lock in the manner of GlusterFS's bricks. */
public final class HistoricMaster {
  /** No holder is ever given up, however long others wait. */
  private static final long NEVER_NS = TimeUnit.DAYS.toNanos(1);

  private HistoricMaster() {}

  /** Returns when it serves. */
  public static void start(MasterSettings settings, boolean historic, Lifetime lifetime)
      throws IOException, UserError, Outcome, InterruptedException {
    LeaseLimits limits = LeaseLimits.of(Times.DEFAULT);
    Supplier<LeaseRules> rules = historic ? AfrLeaseRules::new : () -> LeaseRules.PRODUCTION;
    MasterProcess.start(
        settings, historic ? limits.withRecallLimitNs(NEVER_NS) : limits, rules, lifetime);
  }
}
