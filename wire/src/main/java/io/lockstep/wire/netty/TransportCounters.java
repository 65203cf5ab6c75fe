package io.lockstep.wire.netty;

import java.util.concurrent.atomic.LongAdder;

/** Guarded by its own atomics. What a server or the connections of a client have done so far. */
public final class TransportCounters {
  private final LongAdder connections = new LongAdder();
  private final LongAdder refusedHandshakes = new LongAdder();
  private final LongAdder garbage = new LongAdder();
  private final LongAdder requests = new LongAdder();
  private final LongAdder replies = new LongAdder();
  private final LongAdder timeouts = new LongAdder();
  private final LongAdder disconnects = new LongAdder();
  private final LongAdder busy = new LongAdder();
  private final LongAdder pushes = new LongAdder();
  private final LongAdder bytesIn = new LongAdder();
  private final LongAdder bytesOut = new LongAdder();

  /** Connections whose handshake went through. */
  public long connections() {
    return connections.sum();
  }

  /** Connections that ended in the handshake: wrong secret, version, cluster, or no answer. */
  public long refusedHandshakes() {
    return refusedHandshakes.sum();
  }

  /** Connections dropped because the peer broke the rules of frames. */
  public long garbage() {
    return garbage.sum();
  }

  /** Requests sent (client) or handed to the handler (server). */
  public long requests() {
    return requests.sum();
  }

  /** Replies received (client) or sent (server). */
  public long replies() {
    return replies.sum();
  }

  /** Calls that got no answer in time. */
  public long timeouts() {
    return timeouts.sum();
  }

  /** Calls that ended because the connection broke or could not be made. */
  public long disconnects() {
    return disconnects.sum();
  }

  /** Calls refused because too much was outstanding, and connections over the limit. */
  public long busy() {
    return busy.sum();
  }

  /** Pushes received (client) or sent (server). */
  public long pushes() {
    return pushes.sum();
  }

  public long bytesIn() {
    return bytesIn.sum();
  }

  public long bytesOut() {
    return bytesOut.sum();
  }

  void onConnection() {
    connections.increment();
  }

  void onRefusedHandshake() {
    refusedHandshakes.increment();
  }

  void onGarbage() {
    garbage.increment();
  }

  void onRequest() {
    requests.increment();
  }

  void onReply() {
    replies.increment();
  }

  void onTimeout() {
    timeouts.increment();
  }

  void onDisconnect() {
    disconnects.increment();
  }

  void onBusy() {
    busy.increment();
  }

  void onPush() {
    pushes.increment();
  }

  void onBytesIn(long count) {
    bytesIn.add(count);
  }

  void onBytesOut(long count) {
    bytesOut.add(count);
  }
}
