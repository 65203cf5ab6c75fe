package io.lockstep.replication.client;

import io.lockstep.wire.message.LeaseMode;
import org.jetbrains.lincheck.datastructures.LongGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/** Proposals of leases on one inode, and their recalls. */
@Param(name = "lease", gen = LongGen.class, conf = "1:3")
public class RidesOperations {
  private final Rides rides = new Rides();

  @Operation
  public String propose() {
    return rides.propose(LeaseMode.SHARED).toString();
  }

  @Operation
  public boolean recall(@Param(name = "lease") long lease) {
    return rides.onRecall(1, lease);
  }

  @Operation
  public boolean take(@Param(name = "lease") long lease) {
    return rides.take(new LeaseProposal(lease, LeaseMode.SHARED, 0), 1);
  }

  @Operation
  public void end() {
    rides.end();
  }
}
