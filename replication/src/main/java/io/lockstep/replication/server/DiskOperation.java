package io.lockstep.replication.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.replication.store.DbBatch;
import java.io.IOException;

/**
 * Confined to one disk agent once it is submitted. One step on the objects of that agent, in two
 * halves around the group commit: what must be durable first goes into the batch, then, when it is,
 * the step is executed and answered (I5).
 */
abstract class DiskOperation {
  /**
   * Decides. True if {@link #onCommitted} shall be called; false if it is answered already, or
   * waits for something and comes again.
   */
  abstract boolean onDecide(DiskAgent agent, DbBatch batch) throws IOException, Outcome;

  /** The batch is durable. */
  void onCommitted(DiskAgent agent) throws IOException, Outcome {}

  /** Not executed, or only in part; answers, and gives back what it holds. */
  abstract void onFailed(ErrorCode code, String message);
}
