package io.lockstep.replication.client;

import java.util.List;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/** Two pages that are being written from the beginning, and may be written again. */
@Param(name = "page", gen = IntGen.class, conf = "0:1")
public class WritesUnderWayOperations {
  private static final long PAGE = 4096;

  private final WritesUnderWay writes = new WritesUnderWay();
  private final List<WritesUnderWay.Write> first =
      List.of(writes.begin(0, 1), writes.begin(PAGE, 1));

  @Operation
  public void begin(@Param(name = "page") int page) {
    writes.begin(page * PAGE, 1);
  }

  @Operation
  public void end(@Param(name = "page") int page) {
    writes.end(first.get(page));
  }

  @Operation
  public boolean beside(@Param(name = "page") int page) {
    return writes.beside(page * PAGE, PAGE) != null;
  }
}
