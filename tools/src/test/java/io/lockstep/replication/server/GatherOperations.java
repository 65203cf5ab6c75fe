package io.lockstep.replication.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.wire.Payload;
import io.lockstep.wire.PeerIdentity;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.Reply;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.datastructures.Operation;

/** Three outcomes are awaited: whoever brings the last one answers, once. */
public class GatherOperations {
  private final AtomicInteger answers = new AtomicInteger();

  private final Gather gather =
      new Gather(
          null,
          new Responder() {
            @Override
            public void reply(Reply reply, Payload payload) {
              answers.incrementAndGet();
            }

            @Override
            public PeerIdentity peer() {
              return null;
            }
          },
          3,
          false);

  @Operation
  public void outcome() {
    gather.onOutcome(1, ErrorCode.OK, "");
  }

  @Operation
  public int answers() {
    return answers.get();
  }
}
