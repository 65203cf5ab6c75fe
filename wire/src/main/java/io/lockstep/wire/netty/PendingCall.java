package io.lockstep.wire.netty;

import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer.ReplyHandler;
import io.lockstep.wire.message.Request;
import io.netty.util.concurrent.Future;

/** Confined to the event loop of its peer once it is there. A call that has no answer yet. */
final class PendingCall {
  final Request request;
  final ReplyHandler onReply;
  final long deadlineNs;

  /** Of the payload: reserved until the answer. */
  final int sizeBytes;

  /** EMPTY once it was handed to the socket or released. */
  private Payload payload;

  /** On its connection; 0 = not sent yet. */
  long id;

  Future<?> timer;
  ClientConnection connection;
  boolean done;

  PendingCall(Request request, Payload payload, long deadlineNs, ReplyHandler onReply) {
    this.request = request;
    this.payload = payload;
    this.sizeBytes = payload.sizeBytes();
    this.deadlineNs = deadlineNs;
    this.onReply = onReply;
  }

  /** The payload, to be released by the one who takes it. */
  Payload takePayload() {
    Payload taken = payload;
    payload = Payload.EMPTY;
    return taken;
  }
}
