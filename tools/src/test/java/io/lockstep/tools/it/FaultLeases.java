package io.lockstep.tools.it;

import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import io.lockstep.tools.cluster.AdminConnection;
import io.lockstep.tools.cluster.ClusterAddress;
import io.lockstep.wire.message.LeaseRow;
import io.lockstep.wire.message.ListLeases;
import io.lockstep.wire.message.Request;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Confined to its thread. Asks lockd all the time who has which lease under which token, and writes
 * it down: leases move between the mounts, and with each move the token rises, also from one master
 * to the next. An answer is of one instant, after the question.
 */
final class FaultLeases implements AutoCloseable {
  private static final long ASK_NS = TimeUnit.SECONDS.toNanos(2);
  private static final long PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(40);
  private static final Set<String> HELD = Set.of("GRANTED", "RECALLED");
  private static final Request QUESTION =
      Request.newBuilder().setListLeases(ListLeases.getDefaultInstance()).build();

  private final AdminConnection connection;
  private final FaultHistory history;

  FaultLeases(ClusterAddress cluster, FaultHistory history) throws UserError {
    this.connection = AdminConnection.open(cluster);
    this.history = history;
  }

  void look() {
    LockSupport.parkNanos(PAUSE_NS);
    long askedNs = System.nanoTime();
    try {
      for (LeaseRow row : connection.ask(QUESTION, ASK_NS).getListLeases().getRowsList()) {
        if (row.getSession() != 0 && HELD.contains(row.getState())) {
          history.leased(row, askedNs);
        }
      }
    } catch (Outcome e) {
      // The master is away: that is one of the faults.
    }
  }

  @Override
  public void close() {
    connection.close();
  }
}
