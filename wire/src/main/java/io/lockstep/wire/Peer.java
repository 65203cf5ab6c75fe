package io.lockstep.wire;

import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;

/** One process that can be asked. */
public interface Peer {
  /**
   * Sends a request. {@code onReply} is called exactly once, at the latest when the time is over:
   * with the answer of the peer, or with a Reply made here whose code is TIMED_OUT (it may have
   * been executed), DISCONNECTED (the same) or BUSY (too much is outstanding; it was not sent).
   * Never throws for what the network or the peer does.
   *
   * @param request without {@code call} and {@code timeout_ms}, which the transport fills in
   * @param payload released by the transport
   * @param onReply called on a thread of the transport, which it must not block; may be called
   *     before this returns
   */
  void call(Request request, Payload payload, long timeoutNs, ReplyHandler onReply);

  /** Without payload. */
  default void call(Request request, long timeoutNs, ReplyHandler onReply) {
    call(request, Payload.EMPTY, timeoutNs, onReply);
  }

  /** Takes the answer to one call. */
  interface ReplyHandler {
    /** Owns {@code payload} and releases it. */
    void onReply(Reply reply, Payload payload);
  }
}
