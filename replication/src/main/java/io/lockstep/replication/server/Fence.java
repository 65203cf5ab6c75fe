package io.lockstep.replication.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.replication.store.DbBatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * Guarded by its counter. Runs once on every disk agent and then goes on: whatever was decided
 * before, under an older configuration, has been executed and answered by then (P9).
 */
final class Fence {
  private Fence() {}

  /** {@code onAgent} runs on each disk agent, {@code onPassed} afterwards, on the last of them. */
  static void run(DaemonContext context, Consumer<DiskAgent> onAgent, Runnable onPassed) {
    AtomicInteger missing = new AtomicInteger(context.disks().size());
    for (DiskAgent disk : context.disks()) {
      disk.resume(
          new DiskOperation() {
            @Override
            boolean onDecide(DiskAgent agent, DbBatch batch) {
              return true;
            }

            @Override
            void onCommitted(DiskAgent agent) {
              pass(agent);
            }

            @Override
            void onFailed(ErrorCode code, String message) {
              // The commit of others failed with it: what they decided is not executed.
              pass(disk);
            }

            private void pass(DiskAgent agent) {
              onAgent.accept(agent);
              if (missing.decrementAndGet() == 0) {
                onPassed.run();
              }
            }
          });
    }
  }
}
