package io.lockstep.replication.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.replication.eagerlock.Effect;
import io.lockstep.replication.eagerlock.Kind;
import io.lockstep.replication.eagerlock.Range;

/**
 * Confined to the replication agent. The write-back buffer as an owner of the eager lock: as long
 * as it owns, bytes may wait in the buffer. It keeps all ranges from operations that go beside the
 * buffer.
 */
final class Hold extends LockOp<Void> {
  private final WriteBack writeBack;

  Hold(WriteBack writeBack, long tx) {
    super(tx, Kind.HOLD, Range.ALL, Long.MAX_VALUE);
    this.writeBack = writeBack;
  }

  @Override
  void start(Effect.Start start) {
    writeBack.onHold(this);
  }

  @Override
  void fail(ErrorCode code) {
    writeBack.onNoHold(code);
  }
}
