package io.lockstep.replication.client;

import org.jetbrains.lincheck.datastructures.LongGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/**
 * The numbers that rise with its changes; the bytes are the business of {@code
 * WriteBufferFuzzTest}.
 */
@Param(name = "size", gen = LongGen.class, conf = "1:3")
public class WriteBufferOperations {
  private final WriteBuffer buffer = new WriteBuffer();

  @Operation
  public void changed(@Param(name = "size") long size) {
    buffer.changed(size, size);
  }

  @Operation
  public void told(@Param(name = "size") long version) {
    buffer.told(version);
  }

  @Operation
  public long version() {
    return buffer.version();
  }
}
