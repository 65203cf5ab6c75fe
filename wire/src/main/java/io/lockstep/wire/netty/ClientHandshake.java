package io.lockstep.wire.netty;

import com.google.protobuf.ByteString;
import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.Hello;
import io.lockstep.wire.message.HelloProof;
import io.lockstep.wire.message.HelloReply;

/**
 * Confined to the event loop of its connection. The client's side of the handshake, without the
 * network. An {@link Outcome} says why the connection cannot be used.
 */
final class ClientHandshake {
  enum State {
    /** Hello was sent. */
    AWAIT_REPLY,
    /** The server knows the secret; our proof was sent. */
    AWAIT_VERDICT,
    /** Requests may be sent. */
    WELCOME,
    /** The connection is to be closed. */
    FAILED
  }

  private final Credentials credentials;
  private final long cluster;
  private final Hello hello;
  private State state = State.AWAIT_REPLY;
  private long serverCluster;

  /**
   * @param cluster the id of the cluster as far as it is known, else 0
   * @param challenge 32 random bytes
   */
  ClientHandshake(
      Credentials credentials,
      long cluster,
      Identity identity,
      long session,
      long connection,
      byte[] challenge) {
    this.credentials = credentials;
    this.cluster = cluster;
    Hello.Builder builder =
        Hello.newBuilder()
            .setVersion(ServerHandshake.PROTOCOL_VERSION)
            .setChallenge(ByteString.copyFrom(challenge))
            .setRole(identity.role())
            .setSession(session)
            .setConnection(connection)
            .setIncarnation(identity.incarnation())
            .setCluster(cluster);
    if (identity.daemon() != null) {
      builder.setDaemon(Convert.message(identity.daemon()));
    }
    this.hello = builder.build();
  }

  State state() {
    return state;
  }

  Hello hello() {
    return hello;
  }

  /**
   * The cluster that the server says it belongs to, 0 = it does not know; believed once WELCOME.
   */
  long serverCluster() {
    return serverCluster;
  }

  /**
   * The answer to the server's first reply: a proof, empty if the server's own is wrong; then
   * {@link #state} is FAILED and {@link #wrongSecret} says why.
   */
  HelloProof onReply(HelloReply reply) throws Outcome {
    Check.that(state == State.AWAIT_REPLY, "reply in state %s", state);
    throwIfRefused(reply);
    if (reply.getVersion() != ServerHandshake.PROTOCOL_VERSION) {
      throw fail(
          ErrorCode.WRONG_VERSION,
          "the server speaks protocol version "
              + Integer.toUnsignedString(reply.getVersion())
              + ", this client speaks "
              + ServerHandshake.PROTOCOL_VERSION);
    }
    byte[] ours = hello.getChallenge().toByteArray();
    byte[] theirs = reply.getChallenge().toByteArray();
    if (theirs.length != Credentials.CHALLENGE_BYTES
        || !credentials.isProof(reply.getProof().toByteArray(), "server", ours, theirs)) {
      state = State.FAILED;
      return HelloProof.getDefaultInstance();
    }
    if (cluster != 0 && reply.getCluster() != 0 && reply.getCluster() != cluster) {
      throw fail(ErrorCode.WRONG_CLUSTER, Handshakes.wrongCluster(reply.getCluster(), cluster));
    }
    serverCluster = reply.getCluster();
    state = State.AWAIT_VERDICT;
    return HelloProof.newBuilder()
        .setProof(ByteString.copyFrom(credentials.proof("client", ours, theirs)))
        .build();
  }

  static Outcome wrongSecret() {
    return new Outcome(
        ErrorCode.UNAUTHENTICATED,
        "the proof of the server is wrong: it has another cluster secret than this client");
  }

  void onVerdict(HelloReply verdict) throws Outcome {
    Check.that(state == State.AWAIT_VERDICT, "verdict in state %s", state);
    throwIfRefused(verdict);
    state = State.WELCOME;
  }

  private void throwIfRefused(HelloReply reply) throws Outcome {
    if (reply.getCode() != 0) {
      throw fail(ErrorCode.ofNumber(reply.getCode()), reply.getMessage());
    }
  }

  private Outcome fail(ErrorCode code, String message) {
    state = State.FAILED;
    return new Outcome(code, message);
  }
}
