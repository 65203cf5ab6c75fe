package io.lockstep.lockd.server;

import io.lockstep.wire.Payload;
import io.lockstep.wire.PeerIdentity;
import io.lockstep.wire.RequestHandler;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.Request;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Any thread may use it. Over which connection each session can be reached: that of its latest
 * request.
 */
final class Pushers {
  private final ConcurrentHashMap<Long, PeerIdentity> peers = new ConcurrentHashMap<>();

  void remember(long session, PeerIdentity peer) {
    PeerIdentity known = peers.get(session);
    if (known == null || !isSame(known, peer)) {
      peers.put(session, peer);
    }
  }

  /** Wraps the handler of any requests, to remember where those with a session come from. */
  RequestHandler observing(RequestHandler next) {
    return new RequestHandler() {
      @Override
      public void onRequest(Request request, Payload payload, Responder responder) {
        if (request.getSession() != 0) {
          remember(request.getSession(), responder.peer());
        }
        next.onRequest(request, payload, responder);
      }

      @Override
      public void onDisconnected(PeerIdentity peer) {
        next.onDisconnected(peer);
      }
    };
  }

  /** This connection is gone. */
  void forget(PeerIdentity peer) {
    peers.values().removeIf(known -> isSame(known, peer));
  }

  void forgetSession(long session) {
    peers.remove(session);
  }

  /** False if there is no way now: whatever is pushed is repeated. */
  boolean push(long session, Push push) {
    PeerIdentity peer = peers.get(session);
    return peer != null && peer.pusher().push(push);
  }

  /** For people; empty if it is not known. */
  String addressOf(long session) {
    PeerIdentity peer = peers.get(session);
    return peer == null ? "" : peer.address();
  }

  /** Connections are told apart by what pushes to them. */
  private static boolean isSame(PeerIdentity one, PeerIdentity other) {
    return one.pusher() == other.pusher();
  }
}
