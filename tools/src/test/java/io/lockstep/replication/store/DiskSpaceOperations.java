package io.lockstep.replication.store;

import org.jetbrains.lincheck.datastructures.LongGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/** A disk of 100 bytes, 40 of them kept, that is asked at once and then no more. */
@Param(name = "bytes", gen = LongGen.class, conf = "10:30")
public class DiskSpaceOperations {
  private final DiskSpace space = new DiskSpace(() -> 100, 100, 10);

  @Operation
  public boolean tryTake(@Param(name = "bytes") long bytes) {
    return space.tryTake(bytes, 0);
  }

  @Operation
  public long availableBytes() {
    return space.availableBytes(0);
  }
}
