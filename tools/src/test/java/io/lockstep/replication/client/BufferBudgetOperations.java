package io.lockstep.replication.client;

import io.lockstep.core.Outcome;
import java.util.concurrent.CompletableFuture;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/** Nobody waits: who would have to is told so at once. */
@Param(name = "bytes", gen = IntGen.class, conf = "1:2")
public class BufferBudgetOperations {
  private final BufferBudget budget =
      new BufferBudget(
          3,
          new Waits() {
            @Override
            public boolean await(CompletableFuture<?> future, long timeoutNs) {
              return future.isDone();
            }
          });

  @Operation
  public boolean take(@Param(name = "bytes") int bytes) {
    try {
      budget.take(bytes, 0);
      return true;
    } catch (Outcome e) {
      return false;
    }
  }

  @Operation
  public void give() {
    budget.give(1);
  }

  @Operation
  public long used() {
    return budget.used();
  }
}
