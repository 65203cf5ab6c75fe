package io.lockstep.wire.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.Calls;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.RequestHandler;
import io.lockstep.wire.message.Hello;
import io.lockstep.wire.message.HelloProof;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Peers that break the rules are dropped and counted; the others do not notice. */
class HostilePeerTest {
  private static final RequestHandler OK =
      (request, payload, responder) -> {
        payload.release();
        responder.ok();
      };

  private final Loopback net = new Loopback();

  @AfterEach
  void close() throws Exception {
    net.close();
  }

  private static ErrorCode codeOf(Peer peer) {
    try {
      Calls.await(peer, Loopback.ask(), 5 * Loopback.SECOND);
      return ErrorCode.OK;
    } catch (Outcome e) {
      return e.code();
    }
  }

  private static void assertCounted(NettyServer server, long garbage) {
    await()
        .atMost(Duration.ofSeconds(5))
        .untilAsserted(() -> assertThat(server.counters().garbage()).isEqualTo(garbage));
  }

  @Test
  void garbageIsDroppedAndCounted() throws Exception {
    NettyServer server = net.server(OK);
    final Peer friend = net.peer(server);
    assertThat(codeOf(friend)).isEqualTo(ErrorCode.OK);
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("HostilePeerTest -Dseed=" + seed);
    Random random = new Random(seed);
    for (int i = 0; i < 50; i++) {
      byte[] bytes = new byte[16 + random.nextInt(10_000)];
      random.nextBytes(bytes);
      try (RawClient stranger = new RawClient(server)) {
        stranger.send(bytes);
        assertThat(stranger.isClosedByServer()).isTrue();
      }
    }
    try (RawClient browser = new RawClient(server)) {
      browser.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      assertThat(browser.isClosedByServer()).isTrue();
    }
    assertCounted(server, 51);
    assertThat(codeOf(friend)).isEqualTo(ErrorCode.OK);
  }

  @Test
  void nothingButAHelloIsTakenFromAStranger() throws Exception {
    NettyServer server = net.server(OK);
    byte[][] first = {
      Frames.encode(FrameType.REQUEST, Loopback.ask(), Payload.EMPTY),
      Frames.encode(FrameType.HELLO_PROOF, HelloProof.getDefaultInstance(), Payload.EMPTY),
      Frames.encode(FrameType.HELLO, Hello.getDefaultInstance(), Payload.of(new byte[65_536])),
    };
    for (byte[] bytes : first) {
      try (RawClient stranger = new RawClient(server)) {
        stranger.send(bytes);
        assertThat(stranger.isClosedByServer()).isTrue();
      }
    }
    assertCounted(server, first.length);
    assertThat(server.counters().requests()).isZero();
  }

  @Test
  void aRequestBeforeTheVerdictIsNotExecuted() throws Exception {
    NettyServer server = net.server(OK);
    try (RawClient hasty = new RawClient(server)) {
      hasty.send(
          FrameType.HELLO,
          new ClientHandshake(
                  new Credentials(Loopback.SECRET, 0), 0, Identity.of("client"), 0, 1, new byte[32])
              .hello());
      hasty.request(1, Loopback.ask());
      assertThat(hasty.isClosedByServer()).isTrue();
    }
    assertCounted(server, 1);
    assertThat(server.counters().requests()).isZero();
  }

  @Test
  void aStrangerThatSaysNothingIsClosed() throws Exception {
    ServerLimits limits =
        ServerLimits.DEFAULT.withStrangers(10, TimeUnit.MILLISECONDS.toNanos(300));
    NettyServer server = net.server(net.serverOptions(0).with(limits), OK);
    try (RawClient silent = new RawClient(server);
        RawClient slow = new RawClient(server)) {
      slow.send(new byte[] {0, 0, 0});
      assertThat(silent.isClosedByServer()).isTrue();
      assertThat(slow.isClosedByServer()).isTrue();
    }
    assertThat(server.counters().refusedHandshakes()).isEqualTo(2);
  }

  @Test
  void strangersAreBoundedAndMakeRoomAgain() throws Exception {
    ServerLimits limits = ServerLimits.DEFAULT.withStrangers(3, TimeUnit.SECONDS.toNanos(5));
    NettyServer server = net.server(net.serverOptions(0).with(limits), OK);
    List<RawClient> strangers = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      RawClient stranger = new RawClient(server);
      strangers.add(stranger);
      // Answered, so the server has counted it.
      stranger.send(
          FrameType.HELLO,
          Hello.newBuilder().setVersion(1).setChallenge(ByteString.copyFrom(new byte[32])).build());
      assertThat(stranger.receive()).isNotNull();
    }
    try (RawClient oneMore = new RawClient(server)) {
      assertThat(oneMore.isClosedByServer()).isTrue();
    }
    for (RawClient stranger : strangers) {
      stranger.close();
    }
    Peer friend = net.peer(server);
    await().atMost(Duration.ofSeconds(5)).until(() -> codeOf(friend) == ErrorCode.OK);
  }

  @Test
  void anotherSecretIsToldOnBothSides() throws Exception {
    NettyServer server = net.server(OK);
    ClientOptions plain = net.clientOptions();
    Credentials wrong = new Credentials("wrong".getBytes(StandardCharsets.UTF_8), 0);
    NettyPeers peers = net.client(ClientOptions.plain(plain.identity(), wrong, plain.failures()));
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(
              () ->
                  Calls.await(
                      peers.peer(Loopback.address(server)), Loopback.ask(), 5 * Loopback.SECOND))
          .hasMessageContaining("another cluster secret")
          .extracting(e -> ((Outcome) e).code())
          .isEqualTo(ErrorCode.UNAUTHENTICATED);
    }
    await()
        .atMost(Duration.ofSeconds(5))
        .untilAsserted(() -> assertThat(server.counters().refusedHandshakes()).isEqualTo(2));
    assertThat(server.counters().requests()).isZero();
  }

  @Test
  void anotherClusterIsTold() throws Exception {
    NettyServer server = net.server(OK);
    ClientOptions plain = net.clientOptions();
    NettyPeers peers =
        net.client(
            ClientOptions.plain(
                plain.identity(), new Credentials(Loopback.SECRET, 0xbad), plain.failures()));
    assertThat(codeOf(peers.peer(Loopback.address(server)))).isEqualTo(ErrorCode.WRONG_CLUSTER);
  }

  @Test
  void aServerThatSpeaksGarbageEndsTheCallAtOnce() throws Exception {
    try (ServerSocket listener = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      Thread garbler =
          new Thread(
              () -> {
                try (Socket socket = listener.accept()) {
                  socket
                      .getOutputStream()
                      .write("220 mail.example ESMTP hello\r\n".getBytes(StandardCharsets.UTF_8));
                  while (socket.getInputStream().read() >= 0) {}
                } catch (IOException e) {
                  // The client broke it off, which is what the test wants.
                }
              });
      garbler.start();
      NettyPeers peers = net.client();
      Peer peer = peers.peer("127.0.0.1:" + listener.getLocalPort());
      assertThatThrownBy(() -> Calls.await(peer, Loopback.ask(), 5 * Loopback.SECOND))
          .hasMessageContaining("does not speak this protocol");
      assertThat(peers.counters().garbage()).isEqualTo(1);
      garbler.join();
    }
  }

  @Test
  void aServerThatNeverAnswersTheHandshakeFailsTheCallInTime() throws Exception {
    try (ServerSocket listener = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      Peer peer = net.client().peer("127.0.0.1:" + listener.getLocalPort());
      long started = System.nanoTime();
      assertThatThrownBy(() -> Calls.await(peer, Loopback.ask(), Loopback.SECOND / 2))
          .extracting(e -> ((Outcome) e).code())
          .isEqualTo(ErrorCode.TIMED_OUT);
      assertThat(System.nanoTime() - started).isLessThan(5 * Loopback.SECOND);
    }
  }

  @Test
  void aHandlerThatThrowsFailsThatRequestOnly() throws Exception {
    AtomicInteger count = new AtomicInteger();
    NettyServer server =
        net.server(
            (request, payload, responder) -> {
              payload.release();
              if (count.incrementAndGet() == 1) {
                throw new IllegalStateException("a bug");
              }
              responder.ok();
            });
    Peer peer = net.peer(server);
    assertThat(codeOf(peer)).isEqualTo(ErrorCode.IO_ERROR);
    assertThat(codeOf(peer)).isEqualTo(ErrorCode.OK);
    assertThat(net.failures).singleElement().isInstanceOf(IllegalStateException.class);
    net.failures.clear();
  }
}
