package io.lockstep.wire.netty;

import io.lockstep.core.ErrorCode;
import io.lockstep.wire.message.HelloReply;

/** Immutable. Words that both sides of the handshake use. */
final class Handshakes {
  static final HelloReply WELCOME =
      HelloReply.newBuilder().setVersion(ServerHandshake.PROTOCOL_VERSION).build();

  private Handshakes() {}

  static HelloReply refusal(ErrorCode code, String message) {
    return HelloReply.newBuilder()
        .setVersion(ServerHandshake.PROTOCOL_VERSION)
        .setCode(code.number())
        .setMessage(message)
        .build();
  }

  static String wrongCluster(long server, long client) {
    return "the server belongs to cluster "
        + Long.toHexString(server)
        + ", the client to cluster "
        + Long.toHexString(client);
  }
}
