package io.lockstep.metadata.server;

import io.lockstep.wire.message.SessionRecord;
import java.util.List;
import org.jetbrains.lincheck.datastructures.LongGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/** Two sessions whose life is 5. */
@Param(name = "id", gen = LongGen.class, conf = "1:2")
@Param(name = "now", gen = LongGen.class, conf = "1:10")
public class SessionsOperations {
  private static final SessionRecord[] RECORDS = {
    SessionRecord.newBuilder().setSession(1).build(),
    SessionRecord.newBuilder().setSession(2).build()
  };

  private final Sessions sessions = new Sessions(5, 1_000);

  @Operation
  public void add(@Param(name = "id") long id, @Param(name = "now") long now) {
    sessions.add(RECORDS[(int) id - 1], 1, now);
  }

  @Operation
  public void remove(@Param(name = "id") long id) {
    sessions.remove(id);
  }

  @Operation
  public boolean renew(@Param(name = "id") long id, @Param(name = "now") long now) {
    return sessions.renew(id, push -> true, now);
  }

  @Operation
  public List<Long> expired(@Param(name = "now") long now) {
    return sessions.expired(now);
  }

  @Operation
  public void retry(@Param(name = "id") long id) {
    sessions.retry(id);
  }

  @Operation
  public long renewedNs(@Param(name = "id") long id) {
    return sessions.renewedNs(id, -1);
  }
}
