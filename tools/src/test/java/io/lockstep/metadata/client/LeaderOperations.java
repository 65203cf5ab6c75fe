package io.lockstep.metadata.client;

import java.util.List;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/** Two masters. */
@Param(name = "tried", gen = IntGen.class, conf = "0:1")
public class LeaderOperations {
  private static final List<String> MASTERS = List.of("a", "b");

  private final Leader leader = new Leader(MASTERS);

  @Operation
  public boolean failed(@Param(name = "tried") int tried) {
    return leader.onFailure(MASTERS.get(tried), "");
  }
}
