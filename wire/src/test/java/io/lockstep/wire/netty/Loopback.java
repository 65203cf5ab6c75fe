package io.lockstep.wire.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.lockstep.wire.Peer;
import io.lockstep.wire.RequestHandler;
import io.lockstep.wire.message.ReadObject;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.StatObject;
import io.lockstep.wire.message.WriteObject;
import io.netty.buffer.PoolArenaMetric;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Confined to one test: servers and clients on loopback, closed together. */
final class Loopback {
  static final byte[] SECRET = "a secret of the test".getBytes(StandardCharsets.UTF_8);
  static final long CLUSTER = 0xc1;
  static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  private final long allocatedBefore = activeAllocations();
  private final List<AutoCloseable> open = new ArrayList<>();
  final List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());

  NettyServer server(RequestHandler handler) throws IOException {
    return server(serverOptions(0), handler);
  }

  NettyServer server(ServerOptions options, RequestHandler handler) throws IOException {
    NettyServer server = new NettyServer(options, handler);
    open.add(server);
    server.start();
    return server;
  }

  /** Patient with handshakes: a test of that deadline sets its own, others may run slowly. */
  ServerOptions serverOptions(int port) {
    ServerLimits usual = ServerLimits.DEFAULT;
    return new ServerOptions(
            "127.0.0.1",
            port,
            new Credentials(SECRET, CLUSTER),
            Identity.of("master"),
            (loop, failure) -> failures.add(failure))
        .with(usual.withStrangers(usual.strangersMax(), 60 * SECOND));
  }

  ClientOptions clientOptions() {
    return ClientOptions.plain(
        Identity.of("client"),
        new Credentials(SECRET, 0),
        (loop, failure) -> failures.add(failure));
  }

  NettyPeers client() {
    return client(clientOptions());
  }

  NettyPeers client(ClientOptions options) {
    NettyPeers peers = new NettyPeers(options);
    open.add(peers);
    return peers;
  }

  static String address(NettyServer server) {
    return "127.0.0.1:" + server.port();
  }

  Peer peer(NettyServer server) {
    return client().peer(address(server));
  }

  static Request ask() {
    return Request.newBuilder().setStatObject(StatObject.newBuilder().setInode(7)).build();
  }

  static Request write() {
    return Request.newBuilder().setWriteObject(WriteObject.getDefaultInstance()).build();
  }

  static Request read(int length) {
    return Request.newBuilder().setReadObject(ReadObject.newBuilder().setLength(length)).build();
  }

  /** Buffers of the pool that nobody released. */
  static long activeAllocations() {
    return Buffers.ALLOCATOR.metric().directArenas().stream()
        .mapToLong(PoolArenaMetric::numActiveAllocations)
        .sum();
  }

  /** Closes everything; then every buffer must be back in the pool and nothing have been thrown. */
  void close() throws Exception {
    Collections.reverse(open);
    for (AutoCloseable closeable : open) {
      closeable.close();
    }
    assertThat(failures).isEmpty();
    await()
        .atMost(Duration.ofSeconds(5))
        .untilAsserted(() -> assertThat(activeAllocations()).isEqualTo(allocatedBefore));
  }
}
