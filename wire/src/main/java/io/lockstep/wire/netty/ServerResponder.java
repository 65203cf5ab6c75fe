package io.lockstep.wire.netty;

import io.lockstep.wire.Payload;
import io.lockstep.wire.PeerIdentity;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.Reply;
import java.util.concurrent.atomic.AtomicBoolean;

/** Guarded by its own atomic. The answer to one request; the first one counts. */
final class ServerResponder implements Responder {
  private final ServerConnection connection;
  private final PeerIdentity peer;
  private final long call;
  private final long reservedBytes;
  private final AtomicBoolean answered = new AtomicBoolean();

  ServerResponder(ServerConnection connection, PeerIdentity peer, long call, long reservedBytes) {
    this.connection = connection;
    this.peer = peer;
    this.call = call;
    this.reservedBytes = reservedBytes;
  }

  @Override
  public void reply(Reply reply, Payload payload) {
    if (answered.compareAndSet(false, true)) {
      connection.answer(reply.toBuilder().setCall(call).build(), payload, reservedBytes);
    } else {
      payload.release();
    }
  }

  @Override
  public PeerIdentity peer() {
    return peer;
  }
}
