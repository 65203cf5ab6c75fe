package io.lockstep.simulation.cluster;

import io.lockstep.metadata.raft.RaftEvents;
import io.lockstep.metadata.raft.ReplicatedLog;
import java.io.IOException;
import java.util.function.BooleanSupplier;

/** What outlives the runs of a {@link ReplicatedLog}: a directory, or a model of one. */
interface LogMedium {
  /** Opens it for one run; nothing runs yet. */
  ReplicatedLog open(RaftEvents events) throws IOException;

  /** The process of this run is gone, with no chance to close anything. */
  void kill(ReplicatedLog run) throws IOException;

  /** Lets it work until the condition holds; an AssertionError if it does not in time. */
  void await(String what, BooleanSupplier condition);
}
