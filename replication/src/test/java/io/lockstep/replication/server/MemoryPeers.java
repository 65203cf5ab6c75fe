package io.lockstep.replication.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.wire.LocalPeer;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.Replies;
import io.lockstep.wire.RequestHandler;
import io.lockstep.wire.message.Request;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;

/** Safe for threads. A network in memory: addresses that answer, and those that do not. */
final class MemoryPeers implements PeerDirectory {
  private final Map<String, RequestHandler> handlers = new ConcurrentHashMap<>();
  private volatile BiConsumer<String, Request> tap = (address, request) -> {};

  void put(String address, RequestHandler handler) {
    handlers.put(address, handler);
  }

  void remove(String address) {
    handlers.remove(address);
  }

  /** Called before each request is delivered, on the sender's thread. */
  void tap(BiConsumer<String, Request> onRequest) {
    tap = onRequest;
  }

  @Override
  public Peer peer(String address) {
    return (request, payload, timeoutNs, onReply) -> {
      RequestHandler handler = handlers.get(address);
      if (handler == null) {
        payload.release();
        onReply.onReply(
            Replies.failure(ErrorCode.DISCONNECTED, address + " is down"), Payload.EMPTY);
        return;
      }
      tap.accept(address, request);
      new LocalPeer(handler).call(request, payload, timeoutNs, onReply);
    };
  }
}
