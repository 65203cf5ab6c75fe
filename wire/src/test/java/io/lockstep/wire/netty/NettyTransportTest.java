package io.lockstep.wire.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.Calls;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.io.IOException;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Calls over real sockets on loopback. */
class NettyTransportTest {
  private final Loopback net = new Loopback();

  @AfterEach
  void close() throws Exception {
    net.close();
  }

  @Test
  void payloadComesBackAsItWasSent() throws Exception {
    NettyServer server =
        net.server((request, payload, responder) -> responder.reply(reply(1), payload));
    Peer peer = net.peer(server);
    byte[] bytes = new byte[1 << 20];
    new Random(1).nextBytes(bytes);
    for (int size : new int[] {0, 1, 4096, 65_536, 300_000, 1 << 20}) {
      byte[] sent = Arrays.copyOf(bytes, size);
      Calls.Answer answer =
          Calls.await(peer, Loopback.write(), Payload.of(sent), 5 * Loopback.SECOND);
      assertThat(answer.payload().toByteArray()).isEqualTo(sent);
      assertThat(answer.reply().getObjectState().getInode()).isEqualTo(1);
      answer.payload().release();
    }
    assertThat(server.counters().requests()).isEqualTo(6);
  }

  @Test
  void aPooledPayloadIsSentWithoutBeingCopied() throws Exception {
    NettyServer server =
        net.server((request, payload, responder) -> responder.reply(reply(1), payload));
    Peer peer = net.peer(server);
    byte[] bytes = new byte[200_000];
    new Random(2).nextBytes(bytes);
    ByteBufPayload pooled = ByteBufPayload.allocate(1 << 20).truncate(bytes.length);
    pooled.target().put(bytes);
    pooled.retain();
    for (int i = 0; i < 2; i++) {
      Calls.Answer answer = Calls.await(peer, Loopback.write(), pooled, 5 * Loopback.SECOND);
      assertThat(answer.payload().toByteArray()).isEqualTo(bytes);
      answer.payload().release();
    }
  }

  @Test
  void nobodyListensMeansDisconnected() throws Exception {
    NettyServer server = net.server((request, payload, responder) -> responder.ok());
    String address = Loopback.address(server);
    server.close();
    Peer peer = net.client().peer(address);
    assertThatThrownBy(() -> Calls.await(peer, Loopback.ask(), Loopback.SECOND))
        .isInstanceOf(Outcome.class)
        .hasMessageContaining(address)
        .extracting(e -> ((Outcome) e).code())
        .isEqualTo(ErrorCode.DISCONNECTED);
  }

  @Test
  void anAddressThatIsNoneMeansDisconnected() {
    NettyPeers peers = net.client();
    for (String address : new String[] {"", ":", "host", "127.0.0.1:", "127.0.0.1:99999", ":5"}) {
      assertThatThrownBy(() -> Calls.await(peers.peer(address), Loopback.ask(), Loopback.SECOND))
          .as(address)
          .hasMessageContaining("not HOST:PORT");
    }
  }

  @Test
  void bindingBeyondLoopbackIsRefused() {
    ServerOptions options =
        new ServerOptions(
            "0.0.0.0", 0, new Credentials(Loopback.SECRET, 1), Identity.of("master"), (l, f) -> {});
    assertThatThrownBy(() -> new NettyServer(options, (q, p, r) -> r.ok()).start())
        .isInstanceOf(IOException.class)
        .hasMessageContaining("refused until there is TLS");
  }

  @Test
  void aPortInUseIsNamed() throws Exception {
    NettyServer server = net.server((request, payload, responder) -> responder.ok());
    ServerOptions options = net.serverOptions(server.port());
    assertThatThrownBy(() -> new NettyServer(options, (q, p, r) -> r.ok()).start())
        .isInstanceOf(IOException.class)
        .hasMessageContaining("port " + server.port());
  }

  static Reply reply(long inode) {
    Reply.Builder reply = Reply.newBuilder();
    reply.getObjectStateBuilder().setInode(inode);
    return reply.build();
  }

  static int length(Request request) {
    return request.getReadObject().getLength();
  }
}
