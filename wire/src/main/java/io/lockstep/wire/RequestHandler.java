package io.lockstep.wire;

import io.lockstep.wire.message.Request;

/** What a server does with requests of the kinds it serves. */
public interface RequestHandler {
  /**
   * Called on a thread of the transport, which it must not block: it decides or hands over to an
   * agent.
   *
   * @param payload owned by the handler, which releases it
   * @param responder answers once, now or later, on any thread
   */
  void onRequest(Request request, Payload payload, Responder responder);

  /** A connection on which pushes could be sent is gone. */
  default void onDisconnected(PeerIdentity peer) {}
}
