package io.lockstep.wire;

import io.lockstep.core.ErrorCode;
import io.lockstep.wire.message.Reply;

/** Answers one request: exactly one of its methods is called, once. A late answer goes nowhere. */
public interface Responder {
  /**
   * {@code reply} without {@code call}, which the transport fills in; {@code payload} is released
   * by the transport.
   */
  void reply(Reply reply, Payload payload);

  default void reply(Reply reply) {
    reply(reply, Payload.EMPTY);
  }

  default void ok() {
    reply(Reply.getDefaultInstance());
  }

  default void fail(ErrorCode code, String message) {
    reply(Replies.failure(code, message));
  }

  /** Who asked; its {@link PeerIdentity#pusher} can be kept for pushes. */
  PeerIdentity peer();
}
