package io.lockstep.wire.netty;

import com.google.protobuf.MessageLite;
import io.lockstep.core.ErrorCode;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Payload;
import io.lockstep.wire.PeerIdentity;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Hello;
import io.lockstep.wire.message.HelloProof;
import io.lockstep.wire.message.HelloReply;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.UUID;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the event loop of its channel. The server's end of one connection: handshake,
 * requests, answers, pushes.
 *
 * <p>Requests and bytes that are under way are bounded: at the bound, or while the client does not
 * take its answers, no more is read from the socket, and what was already read waits in {@link
 * #held}, which is no larger than what one round of reading brings.
 */
final class ServerConnection extends ChannelInboundHandlerAdapter implements SessionLines.Line {
  private static final Logger log = LoggerFactory.getLogger(ServerConnection.class);
  private static final int PUSHES_MAX = 1024;

  enum State {
    /** The client has not proved the secret yet. */
    HANDSHAKE,
    /** It has; older connections of its session are not finished yet (P11). */
    QUEUED,
    /** Takes requests. */
    SERVING,
    /** Refused, or a newer connection of the session came: closes when nothing is left to do. */
    RETIRED,
    /** The channel is gone. */
    CLOSED
  }

  private record Held(Request request, Payload payload, long reserved, long arrivedNs) {}

  private final ServerContext context;
  private final FrameDecoder decoder;
  private final ServerHandshake handshake;
  private final Workload work;
  private final ArrayDeque<Held> held = new ArrayDeque<>();
  private final AtomicInteger pushesUnderWay = new AtomicInteger();
  private ChannelHandlerContext ctx;
  private Future<?> deadline;
  private PeerIdentity identity;
  private boolean stranger = true;
  private boolean served;
  private boolean inLines;
  private boolean pumping;

  /** Written by the event loop only; read by pushers. */
  private volatile State state = State.HANDSHAKE;

  ServerConnection(ServerContext context, FrameDecoder decoder) {
    this.context = context;
    this.decoder = decoder;
    this.handshake = context.handshake();
    this.work = new Workload(context.options.limits(), context.bytesUnderWay);
  }

  // ---- life

  @Override
  public void channelActive(ChannelHandlerContext active) {
    ctx = active;
    int strangers = context.strangers.incrementAndGet();
    int connections = context.connections.incrementAndGet();
    ServerLimits limits = context.options.limits();
    if (strangers > limits.strangersMax() || connections > limits.connectionsMax()) {
      context.counters.onBusy();
      context.complaints.add(ctx.channel().remoteAddress(), "too many", "too many connections");
      ctx.close();
      return;
    }
    deadline =
        ctx.executor().schedule(this::onHandshakeLate, limits.handshakeNs(), TimeUnit.NANOSECONDS);
  }

  @Override
  public void channelInactive(ChannelHandlerContext inactive) {
    if (state == State.HANDSHAKE) {
      context.counters.onRefusedHandshake();
    }
    state = State.CLOSED;
    context.connections.decrementAndGet();
    noLongerStranger();
    dropHeld();
    maybeFinish();
    if (served) {
      guarded(() -> context.handler.onDisconnected(identity));
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext from, Throwable cause) {
    if (cause instanceof BadFrame) {
      onGarbage(cause.getMessage());
    } else {
      if (cause instanceof IOException) {
        log.debug("connection from {} broke: {}", from.channel().remoteAddress(), cause.toString());
      } else {
        log.error("connection from {} closed", from.channel().remoteAddress(), cause);
      }
      from.close();
    }
  }

  private void onGarbage(String what) {
    if (state != State.CLOSED) {
      context.counters.onGarbage();
      context.complaints.add(ctx.channel().remoteAddress(), "garbage", what);
      ctx.close();
    }
  }

  private void noLongerStranger() {
    if (stranger) {
      stranger = false;
      context.strangers.decrementAndGet();
    }
    if (deadline != null) {
      deadline.cancel(false);
    }
  }

  // ---- handshake

  @Override
  public void channelRead(ChannelHandlerContext from, Object message) {
    InboundFrame frame = (InboundFrame) message;
    if (state == State.SERVING && frame.type() == FrameType.REQUEST) {
      onRequest((Request) frame.message(), frame.payload());
      return;
    }
    frame.payload().release();
    if (state == State.HANDSHAKE && frame.type() == FrameType.HELLO) {
      onHello((Hello) frame.message());
    } else if (state == State.HANDSHAKE && frame.type() == FrameType.HELLO_PROOF) {
      onProof((HelloProof) frame.message());
    } else if (state != State.RETIRED && state != State.CLOSED) {
      onGarbage(frame.type() + " in state " + state);
    }
  }

  private void onHello(Hello hello) {
    if (handshake.state() != ServerHandshake.State.AWAIT_HELLO) {
      onGarbage("a second hello");
      return;
    }
    HelloReply reply = handshake.onHello(hello);
    if (handshake.state() == ServerHandshake.State.REFUSED) {
      refuse(reply);
    } else {
      send(FrameType.HELLO_REPLY, reply);
    }
  }

  private void onProof(HelloProof proof) {
    if (handshake.state() != ServerHandshake.State.AWAIT_PROOF) {
      onGarbage("a proof before hello");
      return;
    }
    HelloReply refusal = handshake.onProof(proof);
    if (refusal != null) {
      refuse(refusal);
      return;
    }
    Hello hello = handshake.hello();
    UUID daemon = hello.getDaemon().isEmpty() ? null : Convert.uuid(hello.getDaemon());
    String address = String.valueOf(ctx.channel().remoteAddress());
    identity =
        new PeerIdentity(
            hello.getRole(),
            address.startsWith("/") ? address.substring(1) : address,
            hello.getSession(),
            hello.getConnection(),
            daemon,
            hello.getIncarnation(),
            this::push);
    state = State.QUEUED;
    if (hello.getSession() == 0) {
      welcome();
    } else if (context.lines.enter(hello.getSession(), hello.getConnection(), this)) {
      inLines = true;
    } else {
      refuse(
          Handshakes.refusal(
              ErrorCode.CONFLICT,
              "connection "
                  + hello.getConnection()
                  + " of this session is older than one that was here before"));
    }
  }

  @Override
  public void admitted() {
    ctx.executor().execute(this::welcome);
  }

  private void welcome() {
    if (state == State.QUEUED) {
      state = State.SERVING;
      served = true;
      noLongerStranger();
      decoder.trust();
      context.counters.onConnection();
      send(FrameType.HELLO_REPLY, Handshakes.WELCOME);
    }
  }

  private void onHandshakeLate() {
    if (state == State.HANDSHAKE) {
      refuse(Handshakes.refusal(ErrorCode.TIMED_OUT, "the handshake took too long"));
    } else if (state == State.QUEUED) {
      refuse(
          Handshakes.refusal(
              ErrorCode.BUSY, "requests of an older connection of this session are not done yet"));
    }
  }

  private void refuse(HelloReply reply) {
    context.counters.onRefusedHandshake();
    ErrorCode code = ErrorCode.ofNumber(reply.getCode());
    context.complaints.add(ctx.channel().remoteAddress(), code.name(), reply.getMessage());
    state = State.RETIRED;
    context
        .writer
        .write(ctx, FrameType.HELLO_REPLY, reply, Payload.EMPTY)
        .addListener(ChannelFutureListener.CLOSE);
    ctx.flush();
    maybeFinish();
  }

  private void send(FrameType type, MessageLite message) {
    context.writer.write(ctx, type, message, Payload.EMPTY);
    ctx.flush();
  }

  // ---- requests

  private void onRequest(Request request, Payload payload) {
    held.add(new Held(request, payload, Workload.reservation(request, payload), System.nanoTime()));
    pump();
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext changed) {
    pump();
  }

  /** Hands over what the bounds allow, and reads on or not. */
  private void pump() {
    if (pumping || !ctx.channel().isActive()) {
      return;
    }
    pumping = true;
    while (state == State.SERVING && !held.isEmpty() && mayTake(held.peek())) {
      dispatch(held.poll());
    }
    pumping = false;
    boolean full = state == State.RETIRED || (state == State.SERVING && !mayRead());
    if (ctx.channel().config().isAutoRead() == full) {
      ctx.channel().config().setAutoRead(!full);
    }
  }

  private boolean mayRead() {
    return held.isEmpty() && work.hasRoom(0) && ctx.channel().isWritable();
  }

  private boolean mayTake(Held next) {
    return work.hasRoom(next.reserved()) && (work.isIdle() || ctx.channel().isWritable());
  }

  private void dispatch(Held next) {
    Request request = next.request();
    long waitedMs = (System.nanoTime() - next.arrivedNs()) / 1_000_000;
    long timeoutMs = Integer.toUnsignedLong(request.getTimeoutMs());
    if (timeoutMs != 0 && waitedMs > timeoutMs) {
      next.payload().release(); // Its sender has given up: it is not executed.
      return;
    }
    work.onExecute(next.reserved());
    context.counters.onRequest();
    ServerResponder responder =
        new ServerResponder(this, identity, request.getCall(), next.reserved());
    if (!guarded(() -> context.handler.onRequest(request, next.payload(), responder))) {
      responder.fail(ErrorCode.IO_ERROR, "internal error");
    }
  }

  /** Runs code of the process that owns this server; what it throws is a bug of that process. */
  private boolean guarded(Runnable code) {
    try {
      code.run();
      return true;
    } catch (Exception | Error e) {
      context.options.failures().onFailure(Thread.currentThread().getName(), e);
      return false;
    }
  }

  /** On any thread, once per request. */
  void answer(Reply reply, Payload payload, long reserved) {
    if (ctx.executor().inEventLoop()) {
      onAnswer(reply, payload, reserved);
      return;
    }
    try {
      ctx.executor().execute(() -> onAnswer(reply, payload, reserved));
    } catch (RejectedExecutionException e) {
      payload.release(); // The server is closed.
    }
  }

  private void onAnswer(Reply reply, Payload payload, long reserved) {
    work.onAnswer();
    if (state == State.CLOSED) {
      payload.release();
      work.onWritten(reserved);
    } else {
      write(reply, payload)
          .addListener(
              done -> {
                work.onWritten(reserved);
                if (!done.isSuccess()) {
                  ctx.close(); // An answer is missing: the client must learn that.
                }
                pump();
              });
      ctx.flush();
    }
    maybeFinish();
  }

  private Future<Void> write(Reply reply, Payload payload) {
    String excess = FrameFormat.excess(reply, payload);
    context.counters.onReply();
    if (excess == null) {
      return context.writer.write(ctx, FrameType.REPLY, reply, payload);
    }
    payload.release();
    log.error("answer cannot be sent: {}", excess);
    Reply failure = Replies.failure(ErrorCode.IO_ERROR, "the answer is too large: " + excess);
    return context.writer.write(
        ctx, FrameType.REPLY, failure.toBuilder().setCall(reply.getCall()).build(), Payload.EMPTY);
  }

  // ---- a newer connection

  @Override
  public void retire() {
    ctx.executor()
        .execute(
            () -> {
              if (state == State.SERVING || state == State.QUEUED) {
                state = State.RETIRED;
                dropHeld();
                pump();
                maybeFinish();
              }
            });
  }

  /** Once no request is being executed any more, the newer connection of the session may begin. */
  private void maybeFinish() {
    if (work.isExecuting() || (state != State.RETIRED && state != State.CLOSED)) {
      return;
    }
    if (inLines) {
      inLines = false;
      context.lines.finished(identity.session(), this);
    }
    if (state == State.RETIRED && handshake.state() == ServerHandshake.State.PROVED) {
      ctx.flush();
      ctx.close();
    }
  }

  private void dropHeld() {
    for (Held next = held.poll(); next != null; next = held.poll()) {
      next.payload().release();
    }
  }

  // ---- pushes

  private boolean push(Push push) {
    if (state != State.SERVING
        || !ctx.channel().isWritable()
        || FrameFormat.excess(push, Payload.EMPTY) != null) {
      return false;
    }
    if (pushesUnderWay.incrementAndGet() > PUSHES_MAX) {
      pushesUnderWay.decrementAndGet();
      return false;
    }
    try {
      ctx.executor().execute(() -> onPush(push));
      return true;
    } catch (RejectedExecutionException e) {
      return false; // The server is closed.
    }
  }

  private void onPush(Push push) {
    context.counters.onPush();
    context
        .writer
        .write(ctx, FrameType.PUSH, push, Payload.EMPTY)
        .addListener(done -> pushesUnderWay.decrementAndGet());
    ctx.flush();
  }
}
