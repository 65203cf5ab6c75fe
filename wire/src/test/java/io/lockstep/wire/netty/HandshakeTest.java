package io.lockstep.wire.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.Hello;
import io.lockstep.wire.message.HelloProof;
import io.lockstep.wire.message.HelloReply;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.UUID;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** Both sides of the handshake, without a network. */
class HandshakeTest {
  private static final UUID DAEMON = new UUID(1, 2);

  private static byte[] challenge(int value) {
    byte[] bytes = new byte[32];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }

  private static Credentials secret(String secret) {
    return new Credentials(secret.getBytes(StandardCharsets.UTF_8), 0);
  }

  private static ServerHandshake server(String secret, long cluster) {
    return new ServerHandshake(secret(secret), cluster, Identity.storage(DAEMON, 9), challenge(2));
  }

  private static ClientHandshake client(String secret, long cluster) {
    return new ClientHandshake(secret(secret), cluster, Identity.of("client"), 77, 3, challenge(1));
  }

  private static void assertOutcome(ThrowingCallable step, ErrorCode code, String message) {
    assertThatThrownBy(step)
        .isInstanceOf(Outcome.class)
        .hasMessageContaining(message)
        .extracting(e -> ((Outcome) e).code())
        .isEqualTo(code);
  }

  @Test
  void theSameSecretIsWelcome() throws Exception {
    ServerHandshake server = server("s", 5);
    ClientHandshake client = client("s", 0);
    HelloReply reply = server.onHello(client.hello());
    assertThat(Convert.uuid(reply.getDaemon())).isEqualTo(DAEMON);
    assertThat(reply.getIncarnation()).isEqualTo(9);
    HelloProof proof = client.onReply(reply);
    assertThat(client.state()).isEqualTo(ClientHandshake.State.AWAIT_VERDICT);
    assertThat(server.onProof(proof)).isNull();
    assertThat(server.state()).isEqualTo(ServerHandshake.State.PROVED);
    assertThat(server.hello().getSession()).isEqualTo(77);
    client.onVerdict(HelloReply.getDefaultInstance());
    assertThat(client.state()).isEqualTo(ClientHandshake.State.WELCOME);
    assertThat(client.serverCluster()).isEqualTo(5);
  }

  @Test
  void theProofIsHmacSha256OverBothChallenges() {
    // Computed by another program: HMAC over "server", 32 bytes 01, 32 bytes 02.
    HelloReply reply = server("s", 5).onHello(client("s", 0).hello());
    assertThat(HexFormat.of().formatHex(reply.getProof().toByteArray()))
        .isEqualTo("56c74b68303fca289f4dc8796c3903a17e2a94857fc7c8cd472a0155a3588980");
  }

  @Test
  void anotherSecretIsUnauthenticatedOnBothSides() throws Exception {
    ServerHandshake server = server("s", 5);
    ClientHandshake client = client("another", 0);
    HelloProof proof = client.onReply(server.onHello(client.hello()));
    assertThat(client.state()).isEqualTo(ClientHandshake.State.FAILED);
    assertThat(ClientHandshake.wrongSecret().code()).isEqualTo(ErrorCode.UNAUTHENTICATED);
    HelloReply verdict = server.onProof(proof);
    assertThat(verdict.getCode()).isEqualTo(ErrorCode.UNAUTHENTICATED.number());
    assertThat(server.state()).isEqualTo(ServerHandshake.State.REFUSED);
  }

  @Test
  void aClientThatLiesAboutTheSecretIsRefused() throws Exception {
    ServerHandshake server = server("s", 5);
    HelloReply reply = server.onHello(client("s", 0).hello());
    // The server's own proof, thrown back at it.
    HelloReply verdict = server.onProof(HelloProof.newBuilder().setProof(reply.getProof()).build());
    assertThat(verdict.getCode()).isEqualTo(ErrorCode.UNAUTHENTICATED.number());
    assertThat(verdict.getMessage()).contains("another cluster secret");
    assertOutcome(
        () -> {
          ClientHandshake client = client("s", 0);
          client.onReply(server("s", 5).onHello(client.hello()));
          client.onVerdict(verdict);
        },
        ErrorCode.UNAUTHENTICATED,
        "another cluster secret");
  }

  @Test
  void anotherVersionIsRefusedByEitherSide() {
    Hello newer = client("s", 0).hello().toBuilder().setVersion(2).build();
    HelloReply refusal = server("s", 5).onHello(newer);
    assertThat(refusal.getCode()).isEqualTo(ErrorCode.WRONG_VERSION.number());
    assertOutcome(() -> client("s", 0).onReply(refusal), ErrorCode.WRONG_VERSION, "speaks 2");
    HelloReply fromNewer =
        server("s", 5).onHello(client("s", 0).hello()).toBuilder().setVersion(3).build();
    assertOutcome(() -> client("s", 0).onReply(fromNewer), ErrorCode.WRONG_VERSION, "version 3");
  }

  @Test
  void anotherClusterIsRefusedByEitherSide() {
    HelloReply refusal = server("s", 5).onHello(client("s", 6).hello());
    assertThat(refusal.getCode()).isEqualTo(ErrorCode.WRONG_CLUSTER.number());
    HelloReply unaware = server("s", 5).onHello(client("s", 0).hello());
    assertOutcome(() -> client("s", 6).onReply(unaware), ErrorCode.WRONG_CLUSTER, "cluster 5");
  }

  @Test
  void aSideThatDoesNotKnowItsClusterYetAcceptsAny() throws Exception {
    ClientHandshake client = client("s", 6);
    client.onReply(server("s", 0).onHello(client.hello()));
    assertThat(client.state()).isEqualTo(ClientHandshake.State.AWAIT_VERDICT);
    assertThat(client.serverCluster()).isZero();
  }

  @Test
  void aShortChallengeIsRefused() {
    Hello hello =
        client("s", 0).hello().toBuilder().setChallenge(ByteString.copyFromUtf8("x")).build();
    assertThat(server("s", 5).onHello(hello).getCode()).isEqualTo(ErrorCode.BAD_REQUEST.number());
  }

  @Test
  void secretsAreNotPrinted() {
    assertThat(secret("hush").toString()).doesNotContain("hush");
    assertThatThrownBy(() -> secret("")).isInstanceOf(IllegalArgumentException.class);
  }
}
