package io.lockstep.replication.client;

import io.lockstep.replication.eagerlock.Range;
import java.util.List;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/** Two requests, each for bytes of its own. */
@Param(name = "who", gen = IntGen.class, conf = "0:1")
public class WaitersOperations {
  private final Waiters waiters = new Waiters();
  private final List<Object> requests = List.of("first", "second");

  @Operation
  public void addRead(@Param(name = "who") int who) {
    waiters.addRead(requests.get(who), new Range(who, who + 1));
  }

  @Operation
  public void addWrite(@Param(name = "who") int who) {
    waiters.addWrite(requests.get(who), new Range(who, who + 1));
  }

  @Operation
  public boolean remove(@Param(name = "who") int who) {
    return waiters.remove(requests.get(who));
  }

  @Operation
  public String snapshot() {
    WaitingRequests waiting = waiters.snapshot();
    return waiting.reads().stream().map(Range::offset).sorted().toList()
        + " "
        + waiting.writes().stream().map(Range::offset).sorted().toList();
  }
}
