package io.lockstep.metadata.raft;

import io.lockstep.core.ErrorCode;
import io.lockstep.wire.message.LogEntry;
import io.lockstep.wire.message.Reply;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.thirdparty.com.google.protobuf.UnsafeByteOperations;

/**
 * Guarded by one atomic flag. An entry on its way through the log of the master that proposed it.
 * Ratis sees it as the message of a request and gives it back when the entry is executed, so the
 * answers need no way through Ratis.
 */
final class Proposal implements Message {
  private final ByteString content;
  private final ReplicatedLog.Handler handler;
  private final AtomicBoolean done = new AtomicBoolean();

  Proposal(LogEntry entry, ReplicatedLog.Handler handler) {
    this.content = UnsafeByteOperations.unsafeWrap(entry.toByteArray());
    this.handler = handler;
  }

  @Override
  public ByteString getContent() {
    return content;
  }

  void executed(List<Reply> replies) {
    if (done.compareAndSet(false, true)) {
      handler.onExecuted(replies);
    }
  }

  void failed(ErrorCode code, String message) {
    if (done.compareAndSet(false, true)) {
      handler.onFailed(code, message);
    }
  }
}
