package io.lockstep.wire.netty;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.Payload;
import io.lockstep.wire.message.Hello;
import io.lockstep.wire.message.HelloProof;
import io.lockstep.wire.message.HelloReply;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.flush.FlushConsolidationHandler;
import io.netty.util.collection.LongObjectHashMap;
import io.netty.util.collection.LongObjectMap;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the event loop of its peer. The client's end of one connection: handshake, the calls
 * that were sent over it, pushes. However it ends, {@link NettyPeer#onGone} is called once, and
 * each of its calls is finished.
 */
final class ClientConnection extends ChannelInboundHandlerAdapter {
  private static final Logger log = LoggerFactory.getLogger(ClientConnection.class);
  private static final int FLUSHES_MAX = 256;

  enum State {
    /** No TCP connection yet. */
    CONNECTING,
    /** Both sides prove the secret. */
    HANDSHAKE,
    /** Takes calls. */
    READY,
    /** Takes no more calls; closes when the last one is answered. */
    RETIRED,
    /** The end. */
    CLOSED
  }

  private final ClientContext context;
  private final NettyPeer peer;
  private final long session;
  private final ClientHandshake handshake;
  private final FrameDecoder decoder;
  private final LongObjectMap<PendingCall> sent = new LongObjectHashMap<>();
  private State state = State.CONNECTING;
  private Channel channel;
  private Future<?> deadline;
  private long lastCall;
  private Outcome reason;

  ClientConnection(ClientContext context, NettyPeer peer, long session) {
    this.context = context;
    this.peer = peer;
    this.session = session;
    this.handshake = context.handshake(session);
    this.decoder = new FrameDecoder(context.counters);
  }

  long session() {
    return session;
  }

  // ---- making it

  void connect() {
    InetSocketAddress target = parse(peer.address());
    if (target == null) {
      // Later, so that the caller sees the same order of events as with any other failure.
      String message = "address '" + peer.address() + "' is not HOST:PORT";
      peer.loop().execute(() -> end(new Outcome(ErrorCode.DISCONNECTED, message)));
      return;
    }
    ChannelFuture made =
        new Bootstrap()
            .group(peer.loop())
            .channel(context.options.limits().transport().channel())
            .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, context.options.limits().connectMs())
            .handler(
                new ChannelInitializer<SocketChannel>() {
                  @Override
                  protected void initChannel(SocketChannel prepared) {
                    Sockets.configure(prepared.config(), decoder);
                    prepared
                        .pipeline()
                        .addLast(new FlushConsolidationHandler(FLUSHES_MAX, true))
                        .addLast(decoder)
                        .addLast(ClientConnection.this);
                  }
                })
            .connect(target);
    channel = made.channel();
    made.addListener(
        done -> {
          if (!done.isSuccess()) {
            end(disconnected("cannot connect: " + done.cause().getMessage()));
          }
        });
  }

  /** The address, resolved or not; null if it is none. */
  private static InetSocketAddress parse(String address) {
    int colon = address.lastIndexOf(':');
    if (colon <= 0) {
      return null;
    }
    try {
      int port = Integer.parseInt(address.substring(colon + 1));
      return port <= 0 || port > 65_535
          ? null
          : InetSocketAddress.createUnresolved(address.substring(0, colon), port);
    } catch (NumberFormatException e) {
      return null;
    }
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    if (state != State.CONNECTING) {
      ctx.close();
      return;
    }
    state = State.HANDSHAKE;
    channel = ctx.channel();
    deadline =
        peer.loop()
            .schedule(
                () -> fail(disconnected("no answer in the handshake")),
                context.options.limits().handshakeNs(),
                TimeUnit.NANOSECONDS);
    Hello hello = handshake.hello();
    context.writer.write(channel, FrameType.HELLO, hello, Payload.EMPTY);
    channel.flush();
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    InboundFrame frame = (InboundFrame) message;
    boolean welcome = state == State.READY || state == State.RETIRED;
    if (welcome && frame.type() == FrameType.REPLY) {
      onReply((Reply) frame.message(), frame.payload());
      return;
    }
    frame.payload().release();
    if (welcome && frame.type() == FrameType.PUSH) {
      context.counters.onPush();
      Push push = (Push) frame.message();
      context.guarded(() -> context.options.pushes().onPush(peer.address(), push));
    } else if (state == State.HANDSHAKE && frame.type() == FrameType.HELLO_REPLY) {
      onHelloReply((HelloReply) frame.message());
    } else if (state != State.CLOSED) {
      onGarbage(frame.type() + " in state " + state);
    }
  }

  private void onHelloReply(HelloReply reply) {
    try {
      if (handshake.state() == ClientHandshake.State.AWAIT_REPLY) {
        HelloProof proof = handshake.onReply(reply);
        context.writer.write(channel, FrameType.HELLO_PROOF, proof, Payload.EMPTY);
        channel.flush();
        if (handshake.state() == ClientHandshake.State.FAILED) {
          throw ClientHandshake.wrongSecret();
        }
        return;
      }
      handshake.onVerdict(reply);
      deadline.cancel(false);
      decoder.trust();
      context.counters.onConnection();
      context.cluster.compareAndSet(0, handshake.serverCluster());
      state = State.READY;
      peer.pump();
    } catch (Outcome refused) {
      context.counters.onRefusedHandshake();
      fail(new Outcome(refused.code(), peer.address() + ": " + refused.getMessage()));
    }
  }

  // ---- calls

  boolean takesCalls() {
    return state == State.READY && channel.isWritable();
  }

  /** Sends a call without flushing; it belongs to this connection from now on. */
  void send(PendingCall call) {
    call.id = ++lastCall;
    call.connection = this;
    sent.put(call.id, call);
    context.counters.onRequest();
    long leftMs = TimeUnit.NANOSECONDS.toMillis(call.deadlineNs - System.nanoTime());
    Request request =
        call.request.toBuilder()
            .setCall(call.id)
            .setTimeoutMs((int) Math.max(1, Math.min(leftMs, Integer.MAX_VALUE)))
            .build();
    context
        .writer
        .write(channel, FrameType.REQUEST, request, call.takePayload())
        .addListener(
            done -> {
              if (!done.isSuccess()) {
                fail(lost(done.cause()));
              }
            });
  }

  void flush() {
    channel.flush();
  }

  private void onReply(Reply reply, Payload payload) {
    PendingCall call = sent.remove(reply.getCall());
    if (call == null) {
      payload.release(); // Too late: its caller was told TIMED_OUT.
      return;
    }
    context.counters.onReply();
    peer.finish(call, reply, payload);
    maybeClose();
  }

  /** The call was finished otherwise. */
  void forget(PendingCall call) {
    sent.remove(call.id);
    maybeClose();
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    peer.pump();
  }

  // ---- the end

  /** Takes no more calls. */
  void retire() {
    if (state == State.READY) {
      state = State.RETIRED;
      maybeClose();
    } else if (state != State.RETIRED) {
      close();
    }
  }

  private void maybeClose() {
    if (state == State.RETIRED && sent.isEmpty()) {
      close();
    }
  }

  void close() {
    fail(disconnected("connection closed"));
  }

  /** Ends it for this reason; what was written before is still sent if the socket takes it. */
  private void fail(Outcome why) {
    if (channel != null) {
      channel.close();
    }
    end(why);
  }

  private void onGarbage(String what) {
    context.counters.onGarbage();
    context.complaints.add(channel.remoteAddress(), "garbage", what);
    fail(disconnected("the server does not speak this protocol: " + what));
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    if (cause instanceof BadFrame) {
      onGarbage(cause.getMessage());
    } else {
      reason = lost(cause);
      if (!(cause instanceof IOException)) {
        log.error("connection to {} closed", peer.address(), cause);
      }
      ctx.close();
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    if (state == State.HANDSHAKE) {
      context.counters.onRefusedHandshake();
    }
    end(reason != null ? reason : disconnected("connection lost"));
  }

  private Outcome lost(Throwable cause) {
    String why = cause.getMessage();
    return disconnected(why == null ? "connection lost" : "connection lost: " + why);
  }

  private Outcome disconnected(String what) {
    return new Outcome(ErrorCode.DISCONNECTED, peer.address() + ": " + what);
  }

  private void end(Outcome why) {
    if (state == State.CLOSED) {
      return;
    }
    state = State.CLOSED;
    if (deadline != null) {
      deadline.cancel(false);
    }
    List<PendingCall> lost = new ArrayList<>(sent.values());
    sent.clear();
    peer.onGone(this, why);
    lost.forEach(call -> peer.disconnected(call, why));
  }
}
