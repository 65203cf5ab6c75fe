package io.lockstep.simulation.world;

import io.lockstep.core.ErrorCode;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Confined to the thread of the simulation. The client's side of a process's connections: calls
 * wait for a connection, go over it in order, and end with an answer, its end, or their time.
 */
final class SimPeers implements PeerDirectory {
  /** One call; ended once. */
  static final class Call {
    final Request request;
    final byte[] payload;
    final long deadlineNs;
    private final Peer.ReplyHandler onReply;
    private boolean done;

    Call(Request request, byte[] payload, long deadlineNs, Peer.ReplyHandler onReply) {
      this.request = request;
      this.payload = payload;
      this.deadlineNs = deadlineNs;
      this.onReply = onReply;
    }

    boolean isDone() {
      return done;
    }

    void end(Reply reply, byte[] bytes) {
      if (!done) {
        done = true;
        onReply.onReply(reply, Payload.of(bytes));
      }
    }
  }

  private final SimNetwork network;
  private final SimNetwork.Who who;
  private final Map<String, SimPeer> peers = new LinkedHashMap<>();
  private long lastConnection;

  SimPeers(SimNetwork network, SimNetwork.Who who) {
    this.network = network;
    this.who = who;
  }

  SimNetwork.Who who() {
    return who;
  }

  @Override
  public Peer peer(String address) {
    return peers.computeIfAbsent(address, SimPeer::new);
  }

  /** One server as this process knows it. */
  final class SimPeer implements Peer {
    private final String address;
    private final Set<Call> waiting = new LinkedHashSet<>();
    private SimConnection current;

    SimPeer(String address) {
      this.address = address;
    }

    @Override
    public void call(Request request, Payload payload, long timeoutNs, ReplyHandler onReply) {
      byte[] bytes = payload.toByteArray();
      payload.release();
      SimHost host = who.host();
      long realNs = host.realNs(timeoutNs);
      Call call = new Call(request, bytes, network.time().nowNs() + realNs, onReply);
      host.after(realNs, "timeout", () -> onTimeout(call));
      waiting.add(call);
      // As a thread of the transport would: never before this returns.
      host.after(1, "send", this::pump);
    }

    void pump() {
      long session = who.session().getAsLong();
      if (current != null && current.session() != session) {
        SimConnection former = current;
        current = null;
        former.leave();
      }
      if (waiting.isEmpty()) {
        return;
      }
      if (current == null) {
        current =
            new SimConnection(network, SimPeers.this, this, address, session, ++lastConnection);
        current.connect();
        return;
      }
      while (current != null && current.isReady() && !waiting.isEmpty()) {
        Call call = waiting.iterator().next();
        waiting.remove(call);
        if (!call.isDone()) {
          current.send(call);
        }
      }
    }

    private void onTimeout(Call call) {
      waiting.remove(call);
      if (!call.isDone()) {
        network.onEvent("timeouts");
        call.end(
            Replies.failure(ErrorCode.TIMED_OUT, "no answer from " + address + " in time"),
            new byte[0]);
      }
      if (current != null) {
        current.forget(call);
      }
    }

    /** The connection is gone, or never came. */
    void onGone(SimConnection gone, List<Call> sent, String why) {
      List<Call> failed = new ArrayList<>(sent);
      if (gone == current) {
        current = null;
        failed.addAll(waiting);
        waiting.clear();
      }
      Reply reply = Replies.failure(ErrorCode.DISCONNECTED, address + ": " + why);
      failed.forEach(call -> call.end(reply, new byte[0]));
    }
  }
}
