package io.lockstep.metadata.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.ManualAgent;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Confined to the thread of the test. Masters by address, each with a list of what it does with the
 * next requests; then, and without a list, it answers like {@link #answering}.
 */
final class FakeMasters implements PeerDirectory {
  /** One request as it arrived, and the way back. */
  record Arrival(
      String address, long atNs, long timeoutNs, Request request, Peer.ReplyHandler back) {
    void reply(Reply reply) {
      back.onReply(reply, Payload.EMPTY);
    }
  }

  /** What to do with one request; null = it vanishes. */
  interface Deed extends Function<Request, Reply> {}

  static final Deed VANISH = request -> null;
  static final Deed BREAK = request -> Replies.failure(ErrorCode.DISCONNECTED, "broken");

  final List<Arrival> arrivals = new ArrayList<>();
  private final Map<String, Deque<Deed>> deeds = new HashMap<>();
  private final ManualAgent agent;
  private Deed otherwise;

  FakeMasters(ManualAgent agent, Deed otherwise) {
    this.agent = agent;
    this.otherwise = otherwise;
  }

  static Deed fail(ErrorCode code) {
    return request -> Replies.failure(code, "as told");
  }

  static Deed leaderIs(String address) {
    return request ->
        Reply.newBuilder().setCode(ErrorCode.NOT_LEADER.number()).setLeader(address).build();
  }

  void answering(Deed newOtherwise) {
    otherwise = newOtherwise;
  }

  void next(String address, Deed... inOrder) {
    deeds.computeIfAbsent(address, a -> new ArrayDeque<>()).addAll(List.of(inOrder));
  }

  List<Arrival> arrivals(BodyCase kind) {
    return arrivals.stream().filter(it -> it.request().getBodyCase() == kind).toList();
  }

  @Override
  public Peer peer(String address) {
    return (request, payload, timeoutNs, onReply) -> call(address, request, timeoutNs, onReply);
  }

  private void call(String address, Request request, long timeoutNs, Peer.ReplyHandler onReply) {
    Peer.ReplyHandler once =
        new Peer.ReplyHandler() {
          private boolean done;

          @Override
          public void onReply(Reply reply, Payload payload) {
            if (!done) {
              done = true;
              onReply.onReply(reply, payload);
            }
          }
        };
    Arrival arrival = new Arrival(address, agent.nowNs(), timeoutNs, request, once);
    arrivals.add(arrival);
    agent.schedule(
        timeoutNs, () -> arrival.reply(Replies.failure(ErrorCode.TIMED_OUT, "no answer")));
    Deed deed = deeds.getOrDefault(address, new ArrayDeque<>()).poll();
    Reply reply = (deed == null ? otherwise : deed).apply(request);
    if (reply != null) {
      arrival.reply(reply);
    }
  }
}
