package io.lockstep.metadata.client;

import org.jetbrains.lincheck.datastructures.LongGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/** A window of two. */
@Param(name = "number", gen = LongGen.class, conf = "1:3")
public class SequencesOperations {
  private final Sequences sequences = new Sequences(2);

  @Operation
  public long tryOpen() {
    return sequences.tryOpen();
  }

  @Operation
  public void close(@Param(name = "number") long number) {
    sequences.close(number);
  }

  @Operation
  public long lowWater() {
    return sequences.lowWater();
  }
}
