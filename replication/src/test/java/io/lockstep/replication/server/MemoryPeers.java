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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.Function;

/** Safe for threads. A network in memory: addresses that answer, and those that do not. */
final class MemoryPeers implements PeerDirectory {
  private final Map<String, RequestHandler> handlers = new ConcurrentHashMap<>();
  private volatile BiConsumer<String, Request> tap = (address, request) -> {};
  private volatile Function<Request, CompletableFuture<Void>> hold = request -> null;

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

  /** The reply to a request for which this gives a future is delivered when it is complete. */
  void holdReplies(Function<Request, CompletableFuture<Void>> until) {
    hold = until;
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
      new LocalPeer(handler)
          .call(
              request,
              payload,
              timeoutNs,
              (reply, bytes) -> {
                CompletableFuture<Void> until = hold.apply(request);
                if (until == null) {
                  onReply.onReply(reply, bytes);
                } else {
                  until.whenComplete((done, failed) -> onReply.onReply(reply, bytes));
                }
              });
    };
  }
}
