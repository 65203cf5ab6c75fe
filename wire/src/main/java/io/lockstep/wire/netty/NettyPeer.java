package io.lockstep.wire.netty;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.netty.channel.EventLoop;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Confined to its event loop, but for the reservations that are taken by callers. One server, known
 * by its address.
 *
 * <p>Calls wait here until the connection is there and takes them, in order; from then on they
 * belong to the connection. At most one connection is being made or takes calls; one that was made
 * for another session ends when its calls are answered.
 */
final class NettyPeer implements Peer {
  private final ClientContext context;
  private final String address;
  private final EventLoop loop;
  private final AtomicInteger callsReserved = new AtomicInteger();
  private final AtomicLong bytesReserved = new AtomicLong();

  private final Set<PendingCall> waiting = new LinkedHashSet<>();
  private final Set<ClientConnection> connections = new LinkedHashSet<>();
  private ClientConnection current;
  private boolean closed;

  NettyPeer(ClientContext context, String address, EventLoop loop) {
    this.context = context;
    this.address = address;
    this.loop = loop;
  }

  String address() {
    return address;
  }

  EventLoop loop() {
    return loop;
  }

  // ---- any thread

  @Override
  public void call(Request request, Payload payload, long timeoutNs, ReplyHandler onReply) {
    PendingCall call = new PendingCall(request, payload, System.nanoTime() + timeoutNs, onReply);
    String excess = FrameFormat.excess(request, payload);
    if (excess != null) {
      refuse(call, ErrorCode.BAD_REQUEST, excess);
      return;
    }
    if (!reserve(call)) {
      context.counters.onBusy();
      refuse(call, ErrorCode.BUSY, "too much is outstanding to " + address);
      return;
    }
    if (loop.inEventLoop()) {
      start(call);
      return;
    }
    try {
      loop.execute(() -> start(call));
    } catch (RejectedExecutionException e) {
      unreserve(call);
      refuse(call, ErrorCode.DISCONNECTED, "the connections of this process are closed");
    }
  }

  private void refuse(PendingCall call, ErrorCode code, String message) {
    call.takePayload().release();
    context.guarded(() -> call.onReply.onReply(Replies.failure(code, message), Payload.EMPTY));
  }

  private boolean reserve(PendingCall call) {
    ClientLimits limits = context.options.limits();
    int calls = callsReserved.incrementAndGet();
    long bytes = bytesReserved.addAndGet(call.sizeBytes);
    if (calls <= limits.callsMax() && bytes <= limits.bytesMax()) {
      return true;
    }
    unreserve(call);
    return false;
  }

  private void unreserve(PendingCall call) {
    callsReserved.decrementAndGet();
    bytesReserved.addAndGet(-call.sizeBytes);
  }

  // ---- event loop

  private void start(PendingCall call) {
    long leftNs = call.deadlineNs - System.nanoTime();
    if (closed) {
      fail(call, ErrorCode.DISCONNECTED, "the connections of this process are closed");
    } else if (leftNs <= 0) {
      onTimeout(call);
    } else {
      call.timer = loop.schedule(() -> onTimeout(call), leftNs, TimeUnit.NANOSECONDS);
      waiting.add(call);
      pump();
    }
  }

  /** Sends what waits as far as the connection takes it; makes the connection if there is none. */
  void pump() {
    long session = context.options.session().getAsLong();
    if (current != null && current.session() != session) {
      ClientConnection former = current;
      current = null;
      former.retire();
    }
    if (waiting.isEmpty() || closed) {
      return;
    }
    if (current == null) {
      connect(session);
      return;
    }
    boolean sent = false;
    while (!waiting.isEmpty() && current != null && current.takesCalls()) {
      PendingCall call = waiting.iterator().next();
      waiting.remove(call);
      current.send(call);
      sent = true;
    }
    if (sent && current != null) {
      current.flush();
    }
  }

  private void connect(long session) {
    ClientConnection made = new ClientConnection(context, this, session);
    current = made;
    connections.add(made);
    made.connect();
  }

  private void onTimeout(PendingCall call) {
    if (call.done) {
      return;
    }
    context.counters.onTimeout();
    waiting.remove(call);
    ClientConnection connection = call.connection;
    String where = connection == null ? " (not sent)" : "";
    fail(call, ErrorCode.TIMED_OUT, "no answer from " + address + " in time" + where);
    if (connection != null) {
      connection.forget(call);
    }
  }

  /** The connection is gone, or never came: what waits for it has failed. */
  void onGone(ClientConnection connection, Outcome reason) {
    connections.remove(connection);
    if (connection == current) {
      current = null;
      failWaiting(reason);
    }
  }

  private void failWaiting(Outcome reason) {
    List<PendingCall> failed = new ArrayList<>(waiting);
    waiting.clear();
    failed.forEach(call -> disconnected(call, reason));
  }

  void disconnected(PendingCall call, Outcome reason) {
    context.counters.onDisconnect();
    fail(call, reason.code(), reason.getMessage());
  }

  private void fail(PendingCall call, ErrorCode code, String message) {
    finish(call, Replies.failure(code, message), Payload.EMPTY);
  }

  /** The one end of each call that was started. */
  void finish(PendingCall call, Reply reply, Payload payload) {
    if (call.done) {
      payload.release();
      return;
    }
    call.done = true;
    call.takePayload().release();
    if (call.timer != null) {
      call.timer.cancel(false);
    }
    unreserve(call);
    context.guarded(() -> call.onReply.onReply(reply, payload));
  }

  /** Later calls go over a new connection; this one ends when its calls are answered. */
  void reconnect() {
    if (current != null) {
      ClientConnection former = current;
      current = null;
      former.retire();
      pump();
    }
  }

  /** Breaks the connection now. */
  void disconnect() {
    new ArrayList<>(connections).forEach(ClientConnection::close);
  }

  void close() {
    closed = true;
    Outcome reason =
        new Outcome(ErrorCode.DISCONNECTED, "the connections of this process are closed");
    failWaiting(reason);
    disconnect();
  }
}
