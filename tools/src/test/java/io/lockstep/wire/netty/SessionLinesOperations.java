package io.lockstep.wire.netty;

import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/** Two connections of one session. */
@Param(name = "number", gen = IntGen.class, conf = "1:2")
public class SessionLinesOperations {
  private static final class Connection implements SessionLines.Line {
    private final AtomicInteger admitted = new AtomicInteger();

    @Override
    public void retire() {}

    @Override
    public void admitted() {
      admitted.incrementAndGet();
    }
  }

  private final SessionLines lines = new SessionLines();
  private final Connection[] connections = {new Connection(), new Connection(), new Connection()};

  @Operation
  public boolean enter(@Param(name = "number") int number) {
    return lines.enter(1, number, connections[number]);
  }

  @Operation
  public void finished(@Param(name = "number") int number) {
    lines.finished(1, connections[number]);
  }
}
