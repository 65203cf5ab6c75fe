package io.lockstep.fs.fuse;

import io.lockstep.fs.fuse.DropQueue.Drop;
import io.lockstep.replication.client.WaitingRequests;
import java.util.List;
import org.jetbrains.lincheck.datastructures.Operation;

/** One node after another, and two threads for all. */
public class DropQueueOperations {
  private static final long NODE = 1;

  private final DropQueue queue = new DropQueue(2, 2);

  @Operation
  public boolean offer() {
    return queue.offer(new Drop(NODE, PagePlan.of(WaitingRequests.NONE), false, List.of()));
  }

  @Operation
  public boolean poll() {
    return queue.poll() != null;
  }

  @Operation
  public int close() {
    return queue.close().size();
  }
}
