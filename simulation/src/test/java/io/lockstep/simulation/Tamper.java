package io.lockstep.simulation;

import io.lockstep.simulation.cluster.Variants;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/**
 * Changed decisions that show in the messages of a process: it sends something else, or believes
 * that something was answered which it never asked.
 */
final class Tamper {
  private Tamper() {}

  /** Processes of this role send something else. */
  static Variants sends(String role, UnaryOperator<Request> change) {
    return peers(
        role,
        address ->
            peer ->
                (request, payload, timeoutNs, onReply) ->
                    peer.call(change.apply(request), payload, timeoutNs, onReply));
  }

  /** Processes of this role do not send such requests to this address, and believe all is well. */
  static Variants skips(String role, Predicate<String> address, Predicate<Request> which) {
    return answers(role, address, which, request -> Reply.getDefaultInstance());
  }

  /** Processes of this role answer such requests to this address themselves. */
  static Variants answers(
      String role,
      Predicate<String> address,
      Predicate<Request> which,
      Function<Request, Reply> answer) {
    return peers(
        role,
        to ->
            peer ->
                (request, payload, timeoutNs, onReply) -> {
                  if (address.test(to) && which.test(request)) {
                    payload.release();
                    onReply.onReply(answer.apply(request), Payload.EMPTY);
                  } else {
                    peer.call(request, payload, timeoutNs, onReply);
                  }
                });
  }

  /** Processes of this role take such requests for done as soon as they are sent. */
  static Variants hurries(String role, Predicate<Request> which) {
    return peers(
        role,
        to ->
            peer ->
                (request, payload, timeoutNs, onReply) -> {
                  if (which.test(request)) {
                    peer.call(request, payload, timeoutNs, (reply, bytes) -> bytes.release());
                    onReply.onReply(Reply.getDefaultInstance(), Payload.EMPTY);
                  } else {
                    peer.call(request, payload, timeoutNs, onReply);
                  }
                });
  }

  /** Processes of this role hear something else. */
  static Peer hears(Peer peer, UnaryOperator<Reply> change) {
    return (request, payload, timeoutNs, onReply) ->
        peer.call(
            request,
            payload,
            timeoutNs,
            (reply, bytes) -> onReply.onReply(change.apply(reply), bytes));
  }

  private static Variants peers(String role, Function<String, UnaryOperator<Peer>> change) {
    return Variants.production()
        .withPeers((of, peers) -> of.equals(role) ? wrap(peers, change) : peers);
  }

  private static PeerDirectory wrap(
      PeerDirectory peers, Function<String, UnaryOperator<Peer>> change) {
    return address -> change.apply(address).apply(peers.peer(address));
  }
}
