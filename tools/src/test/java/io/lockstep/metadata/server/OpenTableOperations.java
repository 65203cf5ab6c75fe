package io.lockstep.metadata.server;

import java.util.List;
import org.jetbrains.lincheck.datastructures.LongGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/** One inode and two sessions. */
@Param(name = "id", gen = LongGen.class, conf = "1:2")
public class OpenTableOperations {
  private static final List<Long> INODE = List.of(7L);

  private final OpenTable table = new OpenTable();

  public OpenTableOperations() {
    table.add(1);
    table.add(2);
  }

  @Operation
  public String open(@Param(name = "id") long id) {
    return table.open(id, 7).toString();
  }

  @Operation
  public void close(@Param(name = "id") long id) {
    table.close(id, INODE);
  }

  @Operation
  public void remove(@Param(name = "id") long id) {
    table.remove(id);
  }

  @Operation
  public boolean condemn() {
    return table.tryCondemn(7);
  }
}
