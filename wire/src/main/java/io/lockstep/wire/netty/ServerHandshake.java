package io.lockstep.wire.netty;

import com.google.protobuf.ByteString;
import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.Hello;
import io.lockstep.wire.message.HelloProof;
import io.lockstep.wire.message.HelloReply;

/**
 * Confined to the event loop of its connection. The server's side of the handshake, without the
 * network: what it answers to each frame.
 */
final class ServerHandshake {
  static final int PROTOCOL_VERSION = 1;
  private static final int ROLE_CHARS_MAX = 32;

  enum State {
    /** Nothing came yet. */
    AWAIT_HELLO,
    /** The client has our challenge and proof. */
    AWAIT_PROOF,
    /** The client knows the secret. */
    PROVED,
    /** The answer carries a code, and the connection is to be closed. */
    REFUSED
  }

  private final Credentials credentials;
  private final long cluster;
  private final Identity identity;
  private final byte[] challenge;
  private State state = State.AWAIT_HELLO;
  private Hello hello;

  /**
   * @param cluster the id of the cluster as far as it is known, else 0
   * @param challenge 32 random bytes
   */
  ServerHandshake(Credentials credentials, long cluster, Identity identity, byte[] challenge) {
    this.credentials = credentials;
    this.cluster = cluster;
    this.identity = identity;
    this.challenge = challenge;
  }

  State state() {
    return state;
  }

  /** What the client said; of one that is not PROVED nothing may be believed. */
  Hello hello() {
    return hello;
  }

  HelloReply onHello(Hello received) {
    Check.that(state == State.AWAIT_HELLO, "hello in state %s", state);
    hello = received;
    if (received.getVersion() != PROTOCOL_VERSION) {
      return refuse(
          ErrorCode.WRONG_VERSION,
          "this server speaks protocol version "
              + PROTOCOL_VERSION
              + ", the client speaks "
              + Integer.toUnsignedString(received.getVersion()));
    }
    if (received.getChallenge().size() != Credentials.CHALLENGE_BYTES
        || received.getRole().length() > ROLE_CHARS_MAX) {
      return refuse(ErrorCode.BAD_REQUEST, "malformed hello");
    }
    if (received.getCluster() != 0 && cluster != 0 && received.getCluster() != cluster) {
      return refuse(
          ErrorCode.WRONG_CLUSTER, Handshakes.wrongCluster(cluster, received.getCluster()));
    }
    state = State.AWAIT_PROOF;
    byte[] proof = credentials.proof("server", received.getChallenge().toByteArray(), challenge);
    HelloReply.Builder reply =
        HelloReply.newBuilder()
            .setVersion(PROTOCOL_VERSION)
            .setChallenge(ByteString.copyFrom(challenge))
            .setProof(ByteString.copyFrom(proof))
            .setCluster(cluster)
            .setIncarnation(identity.incarnation());
    if (identity.daemon() != null) {
      reply.setDaemon(Convert.message(identity.daemon()));
    }
    return reply.build();
  }

  /** The refusal, or null: then the verdict is up to the one who counts connections. */
  HelloReply onProof(HelloProof received) {
    Check.that(state == State.AWAIT_PROOF, "proof in state %s", state);
    if (received.getProof().isEmpty()) {
      return refuse(
          ErrorCode.UNAUTHENTICATED, "the client does not accept the proof of this server");
    }
    if (!credentials.isProof(
        received.getProof().toByteArray(),
        "client",
        hello.getChallenge().toByteArray(),
        challenge)) {
      return refuse(
          ErrorCode.UNAUTHENTICATED,
          "the proof of the client is wrong: it has another cluster secret than this server");
    }
    state = State.PROVED;
    return null;
  }

  private HelloReply refuse(ErrorCode code, String message) {
    state = State.REFUSED;
    return Handshakes.refusal(code, message);
  }
}
