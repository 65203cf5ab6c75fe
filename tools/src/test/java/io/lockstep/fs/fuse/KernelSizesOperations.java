package io.lockstep.fs.fuse;

import io.lockstep.core.Clock;
import java.util.concurrent.atomic.AtomicLong;
import org.jetbrains.lincheck.datastructures.Operation;

/** One file. It is never short after a change, so that the writes under way alone count. */
public class KernelSizesOperations {
  private static final long NODE = 1;

  private final AtomicLong nowNs = new AtomicLong();
  private final KernelSizes sizes =
      new KernelSizes(
          new Clock() {
            @Override
            public long nowNs() {
              return nowNs.addAndGet(1L << 40);
            }

            @Override
            public long wallTimeNs() {
              return 0;
            }
          });

  public KernelSizesOperations() {
    sizes.writeBegins(NODE);
  }

  @Operation
  public void writeBegins() {
    sizes.writeBegins(NODE);
  }

  @Operation
  public void writeEnded() {
    sizes.writeEnded(NODE, 0);
  }

  @Operation
  public boolean mayIgnore() {
    return sizes.mayIgnore(NODE, 1, Long.MAX_VALUE);
  }
}
