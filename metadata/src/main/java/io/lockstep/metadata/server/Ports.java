package io.lockstep.metadata.server;

import io.lockstep.core.Agent;
import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.Times;
import io.lockstep.metadata.catalogue.Catalogue;
import io.lockstep.metadata.kv.KvReader;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.metadata.raft.GroupCommit;
import io.lockstep.metadata.raft.ReplicatedLog;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.LogOperation;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Immutable once wired. What the parts of the master that are confined to its agent act through:
 * the log, the state, the daemons, lockd. Nothing here waits; every answer comes back as a task of
 * the agent, after the call returned, and exactly once.
 */
final class Ports {
  private final Agent agent;
  private final Times times;
  private final ReplicatedLog state;
  private final GroupCommit commit;
  private final PeerDirectory peers;
  private final Function<UUID, String> addresses;
  private final Peer lockd;

  /**
   * @param addresses of daemons, null if unknown; called on the agent
   */
  Ports(
      Agent agent,
      Times times,
      ReplicatedLog state,
      GroupCommit commit,
      PeerDirectory peers,
      Function<UUID, String> addresses,
      Peer lockd) {
    this.agent = agent;
    this.times = times;
    this.state = state;
    this.commit = commit;
    this.peers = peers;
    this.addresses = addresses;
    this.lockd = lockd;
  }

  Times times() {
    return times;
  }

  long nowNs() {
    return agent.clock().nowNs();
  }

  Agent.Timer after(long delayNs, Runnable task) {
    return agent.schedule(delayNs, task);
  }

  /** Runs {@code task} on the agent; never lost to a full inbox. */
  void enter(Runnable task) {
    agent.schedule(0, task);
  }

  /** Puts an operation of the master itself through the log. */
  void log(LogOperation.Builder operation, Consumer<Reply> then) {
    commit.submit(operation, reply -> enter(() -> then.accept(reply)));
  }

  /** Reads the state of now; null once the master is closed. */
  <T> T read(Function<KvReader, T> reader) {
    try (KvStore.Snapshot pinned = state.snapshot()) {
      return pinned == null ? null : reader.apply(pinned);
    }
  }

  <T> T catalogue(Function<Catalogue, T> reader) {
    return read(state -> reader.apply(new Catalogue(state)));
  }

  /** Index of the last executed entry. */
  long appliedIndex() {
    return state.appliedIndex();
  }

  /** The address that a daemon announced, or "". */
  String address(UUID daemon) {
    String address = addresses.apply(daemon);
    return address == null ? "" : address;
  }

  /** Asks a daemon; DISCONNECTED if it never announced an address. */
  void ask(UUID daemon, Request request, long timeoutNs, Consumer<Reply> then) {
    String address = address(daemon);
    if (address.isEmpty()) {
      enter(
          () ->
              then.accept(
                  Replies.failure(
                      ErrorCode.DISCONNECTED, "daemon " + daemon + " has announced no address")));
      return;
    }
    call(peers.peer(address), request, timeoutNs, then);
  }

  /** Asks each member and goes on when all have answered: replies by member id. */
  void askAll(
      Collection<Member> members,
      Function<Member, Request> request,
      long timeoutNs,
      Consumer<Map<Integer, Reply>> then) {
    Map<Integer, Reply> replies = new TreeMap<>();
    if (members.isEmpty()) {
      enter(() -> then.accept(replies));
      return;
    }
    int expected = members.size();
    for (Member member : members) {
      ask(
          member.daemon(),
          request.apply(member),
          timeoutNs,
          reply -> {
            Check.that(
                replies.put(member.id(), reply) == null, "member %d answered twice", member.id());
            if (replies.size() == expected) {
              then.accept(replies);
            }
          });
    }
  }

  void askLockd(Request request, long timeoutNs, Consumer<Reply> then) {
    call(lockd, request, timeoutNs, then);
  }

  private void call(Peer peer, Request request, long timeoutNs, Consumer<Reply> then) {
    peer.call(
        request,
        timeoutNs,
        (reply, payload) -> {
          payload.release();
          enter(() -> then.accept(reply));
        });
  }
}
