package io.lockstep.fs.vfs;

import org.jetbrains.lincheck.datastructures.LongGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/** One file. */
@Param(name = "mark", gen = LongGen.class, conf = "0:2")
public class UnprivilegedOperations {
  private final Unprivileged unprivileged = new Unprivileged();

  @Operation
  public long mark() {
    return unprivileged.mark();
  }

  @Operation
  public void add(@Param(name = "mark") long mark) {
    unprivileged.add(1, mark);
  }

  @Operation
  public boolean contains() {
    return unprivileged.contains(1);
  }

  @Operation
  public void forget() {
    unprivileged.forget(1);
  }
}
