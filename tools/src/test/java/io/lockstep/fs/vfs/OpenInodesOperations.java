package io.lockstep.fs.vfs;

import io.lockstep.core.Clock;
import io.lockstep.core.Outcome;
import java.util.List;
import org.jetbrains.lincheck.datastructures.Operation;

/**
 * One inode, and nobody waits: who would have to is told so at once. What breaks the order of the
 * calls is refused alike in every order.
 */
public class OpenInodesOperations {
  private static final Clock STILL =
      new Clock() {
        @Override
        public long nowNs() {
          return 0;
        }

        @Override
        public long wallTimeNs() {
          return 0;
        }
      };

  private final OpenInodes inodes =
      new OpenInodes(
          new Threads(STILL, (future, timeoutNs) -> future.isDone(), (name, loop) -> {}));

  public OpenInodesOperations() {
    inodes.close();
  }

  @Operation
  public String enter() {
    try {
      return inodes.enter(1, 0) ? "tell the master" : "entered";
    } catch (Outcome e) {
      return "wait";
    }
  }

  @Operation
  public void registered() {
    inodes.registered(1);
  }

  @Operation
  public void leave() {
    inodes.leave(1);
  }

  @Operation
  public List<Long> takeDue() {
    return inodes.takeDue(1, 0);
  }

  @Operation
  public void closed() {
    inodes.closed(List.of(1L));
  }
}
