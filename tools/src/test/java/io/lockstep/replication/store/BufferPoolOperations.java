package io.lockstep.replication.store;

import java.nio.ByteBuffer;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/** Two buffers go round: never the same one to two who ask. */
@Param(name = "number", gen = IntGen.class, conf = "0:1")
public class BufferPoolOperations {
  private final BufferPool pool = new BufferPool();
  private final ByteBuffer[] buffers = {
    ByteBuffer.allocate(16 << 10), ByteBuffer.allocate(16 << 10)
  };

  public BufferPoolOperations() {
    buffers[0].put(0, (byte) 1);
    buffers[1].put(0, (byte) 2);
  }

  @Operation
  public void give(@Param(name = "number") int number) {
    pool.give(buffers[number]);
  }

  /** Which of the two; 0 = neither, a new one. */
  @Operation
  public int take() {
    return pool.take(1).get(0);
  }
}
