package io.lockstep.wire.netty;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.wire.Calls;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerIdentity;
import io.lockstep.wire.RequestHandler;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.RecallLease;
import io.lockstep.wire.message.Request;
import java.net.SocketTimeoutException;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Sessions, the order of their connections (P11), identity and pushes over real sockets. */
class SessionConnectionsTest {
  private final Loopback net = new Loopback();
  private final BlockingQueue<Responder> asked = new LinkedBlockingQueue<>();
  private final BlockingQueue<PeerIdentity> gone = new LinkedBlockingQueue<>();

  private final RequestHandler keeping =
      new RequestHandler() {
        @Override
        public void onRequest(Request request, Payload payload, Responder responder) {
          payload.release();
          asked.add(responder);
        }

        @Override
        public void onDisconnected(PeerIdentity peer) {
          gone.add(peer);
        }
      };

  @AfterEach
  void close() throws Exception {
    net.close();
  }

  private Responder nextAsked() throws InterruptedException {
    return asked.poll(10, TimeUnit.SECONDS);
  }

  @Test
  void aNewerConnectionWaitsUntilTheOlderOnesRequestsAreAnswered() throws Exception {
    NettyServer server = net.server(keeping);
    try (RawClient old = new RawClient(server).prove(7, 1);
        RawClient newer = new RawClient(server)) {
      assertThat(old.verdict()).isZero();
      old.request(1, Loopback.ask());
      final Responder first = nextAsked();
      newer.prove(7, 2);
      // Reaches the server after the newer connection did, so it is never executed.
      old.request(2, Loopback.ask());
      newer.socket.setSoTimeout(300);
      assertThat(hasVerdict(newer)).as("welcome while a request is being executed").isFalse();
      newer.socket.setSoTimeout(20_000);
      first.ok();
      assertThat(newer.verdict()).isZero();
      assertThat(old.isClosedByServer()).isTrue();
      newer.request(1, Loopback.ask());
      assertThat(nextAsked().peer().connection()).isEqualTo(2);
      assertThat(gone.poll(10, TimeUnit.SECONDS).connection()).isEqualTo(1);
    }
  }

  private static boolean hasVerdict(RawClient client) throws Exception {
    try {
      client.verdict();
      return true;
    } catch (SocketTimeoutException e) {
      return false;
    }
  }

  @Test
  void aBrokenConnectionCountsUntilItsRequestsAreAnswered() throws Exception {
    NettyServer server = net.server(keeping);
    Responder first;
    try (RawClient old = new RawClient(server).prove(7, 1)) {
      old.verdict();
      old.request(1, Loopback.ask());
      first = nextAsked();
    }
    assertThat(gone.poll(10, TimeUnit.SECONDS)).isNotNull();
    try (RawClient newer = new RawClient(server).prove(7, 2)) {
      newer.socket.setSoTimeout(300);
      assertThat(hasVerdict(newer)).isFalse();
      newer.socket.setSoTimeout(20_000);
      first.ok();
      first.ok();
      assertThat(newer.verdict()).isZero();
    }
  }

  @Test
  void anOlderConnectionThatArrivesLaterIsRefused() throws Exception {
    NettyServer server = net.server(keeping);
    try (RawClient newer = new RawClient(server).prove(7, 2);
        RawClient old = new RawClient(server)) {
      assertThat(newer.verdict()).isZero();
      assertThat(old.prove(7, 1).verdict()).isEqualTo(ErrorCode.CONFLICT.number());
      assertThat(old.isClosedByServer()).isTrue();
      newer.request(1, Loopback.ask());
      nextAsked().ok();
      assertThat(newer.reply().getCall()).isEqualTo(1);
    }
  }

  @Test
  void requestsThatNeverEndKeepTheNewerConnectionOutUntilTheHandshakeLapses() throws Exception {
    ServerLimits limits =
        ServerLimits.DEFAULT.withStrangers(10, TimeUnit.MILLISECONDS.toNanos(400));
    NettyServer server = net.server(net.serverOptions(0).with(limits), keeping);
    try (RawClient old = new RawClient(server).prove(7, 1);
        RawClient newer = new RawClient(server)) {
      old.verdict();
      old.request(1, Loopback.ask());
      nextAsked();
      assertThat(newer.prove(7, 2).verdict()).isEqualTo(ErrorCode.BUSY.number());
      assertThat(newer.isClosedByServer()).isTrue();
    }
  }

  @Test
  void aCallAfterTheSessionBeganGoesOverAConnectionThatCarriesIt() throws Exception {
    NettyServer server = net.server(keeping);
    AtomicLong session = new AtomicLong();
    ClientOptions plain = net.clientOptions();
    NettyPeers peers =
        net.client(
            new ClientOptions(
                Identity.storage(new UUID(3, 4), 5),
                plain.credentials(),
                session::get,
                PushHandler.NONE,
                plain.failures()));
    Peer peer = peers.peer(Loopback.address(server));
    var first = Calls.async(peer, Loopback.ask(), 10 * Loopback.SECOND);
    Responder before = nextAsked();
    session.set(99);
    var second = Calls.async(peer, Loopback.ask(), 10 * Loopback.SECOND);
    Responder after = nextAsked();
    assertThat(before.peer().session()).isZero();
    assertThat(after.peer().session()).isEqualTo(99);
    assertThat(after.peer().connection()).isGreaterThan(before.peer().connection());
    assertThat(after.peer().daemon()).isEqualTo(new UUID(3, 4));
    assertThat(after.peer().incarnation()).isEqualTo(5);
    assertThat(after.peer().role()).isEqualTo("storage");
    after.ok();
    before.ok();
    assertThat(first.get(10, TimeUnit.SECONDS).getCode()).isZero();
    assertThat(second.get(10, TimeUnit.SECONDS).getCode()).isZero();
    assertThat(gone.poll(10, TimeUnit.SECONDS).session()).isZero();
    assertThat(peers.cluster()).isEqualTo(Loopback.CLUSTER);
  }

  @Test
  void reconnectMakesANewConnectionWithoutLosingCalls() throws Exception {
    NettyServer server = net.server(keeping);
    NettyPeers peers = net.client();
    Peer peer = peers.peer(Loopback.address(server));
    var first = Calls.async(peer, Loopback.ask(), 10 * Loopback.SECOND);
    Responder before = nextAsked();
    peers.reconnect(Loopback.address(server));
    var second = Calls.async(peer, Loopback.ask(), 10 * Loopback.SECOND);
    nextAsked().ok();
    before.ok();
    assertThat(first.get(10, TimeUnit.SECONDS).getCode()).isZero();
    assertThat(second.get(10, TimeUnit.SECONDS).getCode()).isZero();
    assertThat(server.counters().connections()).isEqualTo(2);
  }

  @Test
  void pushesReachTheClientInOrder() throws Exception {
    NettyServer server = net.server(keeping);
    List<Long> pushed = new CopyOnWriteArrayList<>();
    ClientOptions plain = net.clientOptions();
    NettyPeers peers =
        net.client(
            new ClientOptions(
                plain.identity(),
                plain.credentials(),
                () -> 5,
                (address, push) -> {
                  assertThat(address).isEqualTo(Loopback.address(server));
                  pushed.add(push.getRecallLease().getInode());
                },
                plain.failures()));
    var answer =
        Calls.async(peers.peer(Loopback.address(server)), Loopback.ask(), 10 * Loopback.SECOND);
    Responder responder = nextAsked();
    PeerIdentity.Pusher pusher = responder.peer().pusher();
    for (long inode = 1; inode <= 100; inode++) {
      assertThat(pusher.push(recall(inode))).isTrue();
    }
    responder.ok(); // Comes after the pushes, on the same connection.
    answer.get(10, TimeUnit.SECONDS);
    assertThat(pushed).hasSize(100).isSorted();
    peers.close();
    assertThat(gone.poll(10, TimeUnit.SECONDS).session()).isEqualTo(5);
    assertThat(pusher.push(recall(1))).isFalse();
  }

  private static Push recall(long inode) {
    return Push.newBuilder().setRecallLease(RecallLease.newBuilder().setInode(inode)).build();
  }
}
