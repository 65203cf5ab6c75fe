package io.lockstep.wire.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.lockstep.core.ErrorCode;
import io.lockstep.wire.Calls;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.Replies;
import io.lockstep.wire.RequestHandler;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.Reply;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Many calls at once, peers that die, peers that are slow: bounds hold and each call ends once. */
class LoadTest {
  private static final int THREADS = 4;
  private static final int CALLS = 10_000;
  private static final long MIB = 1 << 20;

  private final Loopback net = new Loopback();
  private final long seed = Long.getLong("seed", System.nanoTime());

  /** Answers with the payload and its checksum in place of an inode. */
  private static final RequestHandler CHECKING =
      (request, payload, responder) -> responder.reply(checksum(payload), payload);

  @AfterEach
  void close() throws Exception {
    net.close();
  }

  private static Reply checksum(Payload payload) {
    return NettyTransportTest.reply(crc(payload));
  }

  private static long crc(Payload payload) {
    CRC32C crc = new CRC32C();
    for (ByteBuffer bytes : payload.buffers()) {
      crc.update(bytes);
    }
    return crc.getValue();
  }

  /** Mostly small, some up to 1 MiB. */
  private static int size(Random random) {
    return random.nextInt(50) == 0 ? random.nextInt(1 << 20) : random.nextInt(8192);
  }

  private interface Step {
    void run(Random random) throws Exception;
  }

  private void inThreads(Step step) throws InterruptedException {
    System.out.println("LoadTest -Dseed=" + seed);
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      Random random = new Random(seed + i);
      Thread thread =
          new Thread(
              () -> {
                try {
                  step.run(random);
                } catch (Throwable e) {
                  net.failures.add(e);
                }
              });
      thread.start();
      threads.add(thread);
    }
    for (Thread thread : threads) {
      thread.join();
    }
  }

  @ParameterizedTest
  @EnumSource(Transport.class)
  void everyPayloadArrivesAsItWasSent(Transport transport) throws Exception {
    ServerLimits server = ServerLimits.DEFAULT;
    ClientLimits client = ClientLimits.DEFAULT;
    NettyServer netty =
        net.server(
            net.serverOptions(0).with(server.with(64, 8 * MIB, 8 * MIB).with(transport)), CHECKING);
    Peer peer =
        net.client(
                net.clientOptions()
                    .with(
                        new ClientLimits(2, 4096, 64 * MIB, 1000, client.handshakeNs(), transport)))
            .peer(Loopback.address(netty));
    byte[] pattern = new byte[1 << 20];
    new Random(seed).nextBytes(pattern);
    AtomicInteger right = new AtomicInteger();
    AtomicLong bytes = new AtomicLong();
    long started = System.nanoTime();
    inThreads(
        random -> {
          Semaphore room = new Semaphore(16);
          for (int i = 0; i < CALLS / THREADS; i++) {
            room.acquire();
            int size = size(random);
            int from = random.nextInt(pattern.length - size);
            Payload payload = Payload.of(ByteBuffer.wrap(pattern, from, size));
            long expected = crc(payload);
            bytes.addAndGet(2L * size);
            peer.call(
                Loopback.write(),
                payload,
                20 * Loopback.SECOND,
                (reply, back) -> {
                  if (Replies.isOk(reply)
                      && reply.getObjectState().getInode() == expected
                      && crc(back) == expected) {
                    right.incrementAndGet();
                  }
                  back.release();
                  room.release();
                });
          }
          room.acquire(16);
        });
    double seconds = (System.nanoTime() - started) / 1e9;
    System.out.printf(
        "%s: %d calls in %.2f s, %.0f MB/s%n",
        transport, CALLS, seconds, bytes.get() / seconds / 1e6);
    assertThat(right).hasValue(CALLS);
    assertThat(netty.counters().requests()).isEqualTo(CALLS);
  }

  @Test
  void whenTheServerDiesEachCallEndsOnceAndLaterOnesFindTheNewOne() throws Exception {
    NettyServer first = net.server(CHECKING);
    int port = first.port();
    NettyPeers peers = net.client();
    Peer peer = peers.peer(Loopback.address(first));
    AtomicInteger ended = new AtomicInteger();
    AtomicInteger twice = new AtomicInteger();
    AtomicInteger ok = new AtomicInteger();
    AtomicInteger lost = new AtomicInteger();
    AtomicInteger other = new AtomicInteger();
    Thread killer =
        new Thread(
            () -> {
              await().until(() -> ended.get() > CALLS / 4);
              first.close();
            });
    killer.start();
    inThreads(
        random -> {
          Semaphore room = new Semaphore(64);
          for (int i = 0; i < CALLS / THREADS; i++) {
            room.acquire();
            AtomicInteger replies = new AtomicInteger();
            peer.call(
                Loopback.write(),
                Payload.of(new byte[size(random) / 4]),
                10 * Loopback.SECOND,
                (reply, back) -> {
                  back.release();
                  if (replies.incrementAndGet() > 1) {
                    twice.incrementAndGet();
                  }
                  switch (Replies.code(reply)) {
                    case OK -> ok.incrementAndGet();
                    case DISCONNECTED -> lost.incrementAndGet();
                    default -> other.incrementAndGet();
                  }
                  ended.incrementAndGet();
                  room.release();
                });
          }
          room.acquire(64);
        });
    killer.join();
    assertThat(ended).hasValue(CALLS);
    assertThat(twice).hasValue(0);
    assertThat(other).hasValue(0);
    assertThat(ok.get()).isPositive();
    assertThat(lost.get()).isPositive();
    net.server(net.serverOptions(port), CHECKING);
    assertThat(Calls.await(peer, Loopback.write(), 5 * Loopback.SECOND).getCode()).isZero();
  }

  @Test
  void aSlowServerMeansTimedOutInTimeAndLateAnswersGoNowhere() throws Exception {
    BlockingQueue<Responder> kept = new LinkedBlockingQueue<>();
    NettyServer server =
        net.server(
            (request, payload, responder) -> {
              payload.release();
              kept.add(responder);
            });
    Peer peer = net.peer(server);
    long started = System.nanoTime();
    List<Reply> replies = new ArrayList<>();
    Semaphore ended = new Semaphore(0);
    for (int i = 0; i < 100; i++) {
      peer.call(
          Loopback.write(),
          Payload.of(new byte[5000]),
          Loopback.SECOND / 2,
          (reply, payload) -> {
            payload.release();
            replies.add(reply);
            ended.release();
          });
    }
    assertThat(ended.tryAcquire(100, 10, TimeUnit.SECONDS)).isTrue();
    long tookMs = (System.nanoTime() - started) / 1_000_000;
    System.out.println("timed out after " + tookMs + " ms of 500");
    assertThat(tookMs).isBetween(500L, 5_500L);
    assertThat(replies).allMatch(reply -> Replies.code(reply) == ErrorCode.TIMED_OUT);
    for (int i = 0; i < 100; i++) {
      ByteBufPayload late = ByteBufPayload.allocate(1000);
      kept.poll(10, TimeUnit.SECONDS).reply(Replies.OK, late);
    }
    // The connection still works, and its next answer is the right one.
    var next = Calls.async(peer, Loopback.ask(), 10 * Loopback.SECOND);
    kept.poll(10, TimeUnit.SECONDS).reply(NettyTransportTest.reply(42));
    assertThat(next.get().getObjectState().getInode()).isEqualTo(42);
    assertThat(replies).hasSize(100);
  }

  @Test
  void aClientThatDoesNotReadHoldsBoundedMemory() throws Exception {
    AtomicInteger executed = new AtomicInteger();
    ServerLimits limits = ServerLimits.DEFAULT.with(64, 8 * MIB, 16 * MIB);
    NettyServer server =
        net.server(
            net.serverOptions(0).with(limits),
            (request, payload, responder) -> {
              payload.release();
              executed.incrementAndGet();
              responder.reply(
                  Replies.OK, ByteBufPayload.allocate(NettyTransportTest.length(request)));
            });
    long before = Buffers.ALLOCATOR.pinnedDirectMemory();
    int requests = 200;
    try (RawClient client = new RawClient(server.port(), 64 << 10).prove(0, 1)) {
      assertThat(client.verdict()).isZero();
      for (int call = 1; call <= requests; call++) {
        client.request(call, Loopback.read(1 << 20));
      }
      AtomicLong most = new AtomicLong();
      int last = awaitStandstill(executed, before, most);
      System.out.printf("unread: %d executed, %.1f MiB held%n", last, most.get() / (double) MIB);
      assertThat(last).isLessThan(40);
      assertThat(most.get()).isLessThan(20 * MIB);
      for (int call = 1; call <= requests; call++) {
        InboundFrame frame = client.receive();
        assertThat(((Reply) frame.message()).getCall()).isEqualTo(call);
        frame.payload().release();
      }
    }
    assertThat(executed).hasValue(requests);
  }

  /** What the socket buffers take is executed; {@code most} becomes the memory held meanwhile. */
  private static int awaitStandstill(AtomicInteger executed, long before, AtomicLong most) {
    AtomicInteger last = new AtomicInteger(-1);
    AtomicInteger quiet = new AtomicInteger();
    await()
        .pollInterval(Duration.ofMillis(20))
        .until(
            () -> {
              long held = Buffers.ALLOCATOR.pinnedDirectMemory() - before;
              most.accumulateAndGet(held, Math::max);
              int now = executed.get();
              return (now == last.getAndSet(now) ? quiet.incrementAndGet() : reset(quiet)) > 20;
            });
    return last.get();
  }

  private static int reset(AtomicInteger quiet) {
    quiet.set(0);
    return 0;
  }

  @Test
  void aServerThatDoesNotTakeCallsHoldsBoundedMemoryOfItsClient() throws Exception {
    ServerLimits serverLimits = ServerLimits.DEFAULT.with(2, MIB, MIB);
    NettyServer server =
        net.server(
            net.serverOptions(0).with(serverLimits),
            (request, payload, responder) -> payload.release());
    ClientLimits limits =
        new ClientLimits(1, 100, 8 * MIB, 1000, 5 * Loopback.SECOND, Transport.NATIVE);
    NettyPeers peers = net.client(net.clientOptions().with(limits));
    Peer peer = peers.peer(Loopback.address(server));
    long before = Buffers.ALLOCATOR.pinnedDirectMemory();
    AtomicInteger busy = new AtomicInteger();
    AtomicInteger timedOut = new AtomicInteger();
    long most = 0;
    for (int round = 0; round < 20; round++) {
      Semaphore ended = new Semaphore(0);
      for (int i = 0; i < 10; i++) {
        peer.call(
            Loopback.write(),
            ByteBufPayload.allocate((int) MIB),
            Loopback.SECOND / 20,
            (reply, payload) -> {
              payload.release();
              (Replies.code(reply) == ErrorCode.BUSY ? busy : timedOut).incrementAndGet();
              ended.release();
            });
      }
      assertThat(ended.tryAcquire(10, 10, TimeUnit.SECONDS)).isTrue();
      most = Math.max(most, Buffers.ALLOCATOR.pinnedDirectMemory() - before);
    }
    System.out.printf(
        "untaken: %d busy, %d timed out, %.1f MiB held%n",
        busy.get(), timedOut.get(), most / (double) MIB);
    assertThat(busy.get() + timedOut.get()).isEqualTo(200);
    assertThat(busy.get()).isPositive();
    assertThat(most).isLessThan(20 * MIB);
  }

  @Test
  void callsBeyondTheBoundAreBusyAtOnce() throws Exception {
    BlockingQueue<Responder> kept = new LinkedBlockingQueue<>();
    NettyServer server =
        net.server(
            (request, payload, responder) -> {
              payload.release();
              kept.add(responder);
            });
    ClientLimits limits = new ClientLimits(1, 10, MIB, 1000, 5 * Loopback.SECOND, Transport.NATIVE);
    Peer peer = net.client(net.clientOptions().with(limits)).peer(Loopback.address(server));
    List<CompletableFuture<Reply>> calls = new ArrayList<>();
    for (int i = 0; i < 15; i++) {
      calls.add(Calls.async(peer, Loopback.ask(), 20 * Loopback.SECOND));
    }
    for (int i = 10; i < 15; i++) {
      assertThat(calls.get(i)).isCompleted();
      assertThat(Replies.code(calls.get(i).get())).isEqualTo(ErrorCode.BUSY);
    }
    for (int i = 0; i < 10; i++) {
      kept.poll(10, TimeUnit.SECONDS).ok();
    }
    for (int i = 0; i < 10; i++) {
      assertThat(Replies.code(calls.get(i).get())).isEqualTo(ErrorCode.OK);
    }
  }

  @Test
  void allConnectionsTogetherAreBoundedAndEachStillMakesProgress() throws Exception {
    AtomicInteger executing = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    BlockingQueue<Responder> kept = new LinkedBlockingQueue<>();
    NettyServer server =
        net.server(
            net.serverOptions(0).with(ServerLimits.DEFAULT.with(1000, 64 * MIB, 10 * MIB)),
            (request, payload, responder) -> {
              payload.release();
              most.accumulateAndGet(executing.incrementAndGet(), Math::max);
              kept.add(responder);
            });
    int clients = 8;
    int callsOfEach = 20;
    Semaphore answered = new Semaphore(0);
    for (int i = 0; i < clients; i++) {
      Peer peer = net.peer(server);
      for (int call = 0; call < callsOfEach; call++) {
        peer.call(
            Loopback.read((int) MIB - 100),
            20 * Loopback.SECOND,
            (reply, payload) -> {
              payload.release();
              if (Replies.isOk(reply)) {
                answered.release();
              }
            });
      }
    }
    for (int i = 0; i < clients * callsOfEach; i++) {
      Responder responder = kept.poll(10, TimeUnit.SECONDS);
      executing.decrementAndGet();
      responder.ok();
    }
    assertThat(answered.tryAcquire(clients * callsOfEach, 10, TimeUnit.SECONDS)).isTrue();
    System.out.println("together: at most " + most.get() + " executing");
    // The shared bound, and one more for each connection that had nothing else.
    assertThat(most.get()).isBetween(clients, 10 + clients);
  }

  @Test
  void closingEndsWhatIsOutstandingAndWhatComesLater() throws Exception {
    NettyServer server = net.server((request, payload, responder) -> payload.release());
    NettyPeers peers = net.client();
    Peer peer = peers.peer(Loopback.address(server));
    var outstanding = Calls.async(peer, Loopback.ask(), 20 * Loopback.SECOND);
    await().atMost(Duration.ofSeconds(5)).until(() -> server.counters().requests() == 1);
    peers.close();
    assertThat(Replies.code(outstanding.get())).isEqualTo(ErrorCode.DISCONNECTED);
    var later = Calls.async(peer, Loopback.write(), 20 * Loopback.SECOND);
    assertThat(Replies.code(later.get())).isEqualTo(ErrorCode.DISCONNECTED);
  }
}
