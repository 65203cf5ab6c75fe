package io.lockstep.metadata.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.SystemClock;
import io.lockstep.core.Times;
import io.lockstep.metadata.catalogue.KeeperTimes;
import io.lockstep.wire.LocalPeer;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerIdentity;
import io.lockstep.wire.Replies;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.CreateInode;
import io.lockstep.wire.message.CreateVolume;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.GetVolume;
import io.lockstep.wire.message.LeaseGrant;
import io.lockstep.wire.message.OpenSession;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.RenewSession;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SessionReply;
import io.lockstep.wire.message.SetConfigMessage;
import io.lockstep.wire.message.TokenMessage;
import io.lockstep.wire.message.VolumeRow;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/** A real master in this JVM with fake daemons and a fake lockd around it. */
final class MasterFixture implements AutoCloseable {
  /** Sessions outlive a test that never renews them, however slow the machine is. */
  static final Times TIMES = times(TimeUnit.MINUTES.toNanos(10));

  static final long SHORT_LIFE_NS = TimeUnit.SECONDS.toNanos(3);

  /** For those who wait for the end of a session. */
  static final Times SHORT_LIVES = times(SHORT_LIFE_NS);

  private static Times times(long lifeNs) {
    return new Times(
        TimeUnit.SECONDS.toNanos(4),
        TimeUnit.MILLISECONDS.toNanos(300),
        lifeNs,
        SHORT_LIFE_NS,
        TimeUnit.SECONDS.toNanos(10));
  }

  static final KeeperTimes KEEPER_TIMES =
      new KeeperTimes(
          TimeUnit.MILLISECONDS.toNanos(1500),
          TimeUnit.MILLISECONDS.toNanos(500),
          TimeUnit.MILLISECONDS.toNanos(300),
          TimeUnit.SECONDS.toNanos(2),
          TimeUnit.MILLISECONDS.toNanos(300));

  final List<FakeDaemon> daemons = new ArrayList<>();
  final Map<String, FakeDaemon> byAddress = new HashMap<>();
  final ConcurrentLinkedQueue<Request> toLockd = new ConcurrentLinkedQueue<>();
  final ConcurrentLinkedQueue<Push> pushes = new ConcurrentLinkedQueue<>();
  final AtomicReference<Throwable> failure = new AtomicReference<>();
  final AtomicLong lastToken = new AtomicLong(1_000_000);
  final MetadataServer server;

  private final AtomicLong sequences = new AtomicLong();
  private final AtomicBoolean beating = new AtomicBoolean(true);
  private final Thread heart;

  MasterFixture(Path directory, int daemonCount) throws Exception {
    this(
        MetadataServerOptions.single(directory, 0, "test").withTimes(TIMES, KEEPER_TIMES),
        daemonCount);
  }

  MasterFixture(MetadataServerOptions options, int daemonCount) throws Exception {
    for (int i = 1; i <= daemonCount; i++) {
      FakeDaemon daemon = new FakeDaemon(i, 100L * i);
      daemons.add(daemon);
      byAddress.put(daemon.address, daemon);
    }
    daemons.forEach(daemon -> daemon.knows(byAddress));
    server =
        new MetadataServer(
            options,
            address -> byAddress.get(address),
            SystemClock.INSTANCE,
            (what, cause) -> {
              cause.printStackTrace();
              failure.compareAndSet(null, cause);
            });
    server.setLockd(new FakeLockd());
    server.start();
    assertThat(server.awaitLeading(TimeUnit.SECONDS.toNanos(20))).isTrue();
    heart = new Thread(this::beat, "fake-daemons");
    heart.setDaemon(true);
    daemons.forEach(daemon -> ok(daemon.registration()));
    heart.start();
  }

  /** Answers as lockd does when nobody holds anything. */
  private final class FakeLockd implements Peer {
    @Override
    public void call(Request request, Payload payload, long timeoutNs, ReplyHandler onReply) {
      payload.release();
      if (request.getBodyCase() != Request.BodyCase.SETTLE_ATTRIBUTES) {
        toLockd.add(request);
      }
      Reply reply = Replies.OK;
      if (request.hasCondemnInode()) {
        reply =
            Reply.newBuilder()
                .setLeaseGrant(
                    LeaseGrant.newBuilder()
                        .setToken(
                            TokenMessage.newBuilder()
                                .setTerm(1)
                                .setSequence(lastToken.incrementAndGet())))
                .build();
      }
      onReply.onReply(reply, Payload.EMPTY);
    }
  }

  private void beat() {
    while (beating.get()) {
      for (FakeDaemon daemon : daemons) {
        if (!daemon.isAway()) {
          Reply reply = call(daemon.heartbeat());
          if (reply.getDaemonHeartbeat().getRegister()) {
            call(daemon.registration());
          }
        }
      }
      try {
        TimeUnit.MILLISECONDS.sleep(200);
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  /** Sends as a client would and waits for the answer. */
  Reply call(Request request) {
    return send(request).orTimeout(30, TimeUnit.SECONDS).join();
  }

  CompletableFuture<Reply> send(Request request) {
    CompletableFuture<Reply> answer = new CompletableFuture<>();
    server.onRequest(
        request,
        Payload.EMPTY,
        new Responder() {
          @Override
          public void reply(Reply reply, Payload payload) {
            payload.release();
            assertThat(answer.complete(reply)).as("answered once").isTrue();
          }

          @Override
          public PeerIdentity peer() {
            return new PeerIdentity("client", "test", 0, 0, null, 0, push -> pushes.add(push));
          }
        });
    return answer;
  }

  /** As lockd, from inside the process. */
  Reply callAsLockd(Request request) {
    CompletableFuture<Reply> answer = new CompletableFuture<>();
    new LocalPeer(server)
        .call(
            request,
            TimeUnit.SECONDS.toNanos(20),
            (reply, payload) -> {
              payload.release();
              answer.complete(reply);
            });
    return answer.orTimeout(30, TimeUnit.SECONDS).join();
  }

  Reply ok(Request request) {
    Reply reply = call(request);
    assertThat(Replies.code(reply)).as(reply.getMessage()).isEqualTo(ErrorCode.OK);
    return reply;
  }

  VolumeRow createVolume(String name, int replicas) {
    return ok(Request.newBuilder()
            .setCreateVolume(CreateVolume.newBuilder().setName(name).setReplicas(replicas))
            .build())
        .getVolume()
        .getVolume();
  }

  SetConfigMessage set(String volume) {
    return ok(Request.newBuilder().setGetVolume(GetVolume.newBuilder().setName(volume)).build())
        .getVolume()
        .getVolume()
        .getSets(0);
  }

  SessionReply openSession(String volume) {
    return ok(Request.newBuilder()
            .setOpenSession(OpenSession.newBuilder().setVolume(volume).setHost("h").setPid(7))
            .build())
        .getSession();
  }

  Reply renew(long session) {
    return call(
        Request.newBuilder()
            .setSession(session)
            .setRenewSession(RenewSession.getDefaultInstance())
            .build());
  }

  Request.Builder mutation(long session) {
    long sequence = sequences.incrementAndGet();
    return Request.newBuilder()
        .setSession(session)
        .setSequence(sequence)
        .setLowWater(Math.max(1, sequence - 100));
  }

  Request create(long session, long parent, String name, boolean open) {
    return mutation(session)
        .setCreateInode(
            CreateInode.newBuilder()
                .setParent(parent)
                .setName(ByteString.copyFromUtf8(name))
                .setType(FileType.REGULAR)
                .setMode(0644)
                .setOpen(open))
        .build();
  }

  @Override
  public void close() throws IOException {
    beating.set(false);
    heart.interrupt();
    server.close();
    assertThat(failure.get()).isNull();
  }
}
