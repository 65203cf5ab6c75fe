package io.lockstep.wire;

import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Immutable. A peer in the same process: lockd and the master talk through it by messages only.
 * There is no queue and no timer here, so the handler keeps the deadline that the request carries.
 */
public final class LocalPeer implements Peer {
  private static final PeerIdentity IDENTITY =
      new PeerIdentity("local", "in-process", 0, 0, null, 0, push -> false);

  private final RequestHandler handler;

  public LocalPeer(RequestHandler handler) {
    this.handler = handler;
  }

  @Override
  public void call(Request request, Payload payload, long timeoutNs, ReplyHandler onReply) {
    long timeoutMs = Math.min(Integer.MAX_VALUE, timeoutNs / 1_000_000);
    AtomicBoolean answered = new AtomicBoolean();
    handler.onRequest(
        request.toBuilder().setTimeoutMs((int) timeoutMs).build(),
        payload,
        new Responder() {
          @Override
          public void reply(Reply reply, Payload replyPayload) {
            if (answered.compareAndSet(false, true)) {
              onReply.onReply(reply, replyPayload);
            } else {
              replyPayload.release();
            }
          }

          @Override
          public PeerIdentity peer() {
            return IDENTITY;
          }
        });
  }
}
