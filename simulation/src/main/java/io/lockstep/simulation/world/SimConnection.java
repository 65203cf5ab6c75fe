package io.lockstep.simulation.world;

import io.lockstep.core.Check;
import io.lockstep.wire.Payload;
import io.lockstep.wire.PeerIdentity;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.netty.BadFrame;
import io.lockstep.wire.netty.FrameCodec;
import io.lockstep.wire.netty.SessionLines;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * Confined to the thread of the simulation. Both ends of one connection. The server's end keeps the
 * order of a session's connections with the production {@link SessionLines} (P11).
 */
final class SimConnection implements SessionLines.Line {
  private static final long HANDSHAKE_NS = 5_000_000_000L;
  private static final long CONNECT_NS = 1_000_000_000L;

  /** One direction: frames arrive in the order in which they were sent. */
  private final class Stream {
    private final boolean toServer;
    private final ArrayDeque<Runnable> held = new ArrayDeque<>();
    private long lastNs;

    Stream(boolean toServer) {
      this.toServer = toServer;
    }

    private boolean isCut() {
      return toServer
          ? network.isCut(clientHost(), server.host)
          : network.isCut(server.host, clientHost());
    }

    void send(Runnable arrival) {
      if (isCut() || !held.isEmpty()) {
        held.add(arrival);
        return;
      }
      lastNs = Math.max(lastNs + 1, network.time().nowNs() + network.delayNs());
      SimHost to = toServer ? server.host : clientHost();
      to.after(lastNs - network.time().nowNs(), toServer ? "request" : "reply", arrival);
    }

    void release() {
      if (!isCut()) {
        List<Runnable> all = new ArrayList<>(held);
        held.clear();
        all.forEach(this::send);
      }
    }
  }

  private enum End {
    OPENING,
    READY,
    RETIRED,
    CLOSED
  }

  private final SimNetwork network;
  private final SimPeers peers;
  private final SimPeers.SimPeer peer;
  private final String address;
  private final long session;
  private final long number;
  private final Map<Long, SimPeers.Call> sent = new LinkedHashMap<>();
  private final Stream toServer = new Stream(true);
  private final Stream toClient = new Stream(false);
  private SimNetwork.Server server;
  private End client = End.OPENING;
  private End served = End.OPENING;
  private PeerIdentity identity;
  private boolean inLines;
  private int executing;
  private boolean streamLost;
  private long lastCall;

  SimConnection(
      SimNetwork network,
      SimPeers peers,
      SimPeers.SimPeer peer,
      String address,
      long session,
      long number) {
    this.network = network;
    this.peers = peers;
    this.peer = peer;
    this.address = address;
    this.session = session;
    this.number = number;
  }

  SimPeers peers() {
    return peers;
  }

  long session() {
    return session;
  }

  SimHost clientHost() {
    return peers.who().host();
  }

  SimHost serverHost() {
    return server == null ? null : server.host;
  }

  boolean isReady() {
    return client == End.READY;
  }

  // ---- the client's end

  void connect() {
    network.add(this);
    server = network.server(address);
    if (server == null) {
      clientHost().after(network.delayNs(), "refused", () -> closeClient("nobody listens"));
      return;
    }
    boolean cut =
        network.isCut(clientHost(), server.host) || network.isCut(server.host, clientHost());
    clientHost()
        .after(
            cut ? CONNECT_NS : HANDSHAKE_NS,
            "handshake",
            () -> {
              if (client == End.OPENING) {
                breakIt("no answer in the handshake");
              }
            });
    if (!cut) {
      toServer.send(this::onHello);
    }
  }

  void send(SimPeers.Call call) {
    long id = ++lastCall;
    sent.put(id, call);
    long leftMs = (call.deadlineNs - network.time().nowNs()) / 1_000_000;
    Request request =
        call.request.toBuilder()
            .setCall(id)
            .setTimeoutMs((int) Math.max(1, Math.min(leftMs, Integer.MAX_VALUE)))
            .build();
    byte[] frame = FrameCodec.encode(request, Payload.of(call.payload));
    mix(frame);
    network.onEvent("sent");
    if (network.random().nextDouble() < network.weather().breakage()) {
      network.onEvent("broken");
      breakIt("broken");
      return;
    }
    if (network.random().nextDouble() < network.weather().loss()) {
      network.onEvent("lost");
      return;
    }
    toServer.send(() -> onRequest(frame));
    if (!isOrdered(request) && network.random().nextDouble() < network.weather().duplication()) {
      network.onEvent("duplicated");
      server.host.after(network.random().nextInt(500_000_000), "duplicate", () -> onRequest(frame));
    }
  }

  /**
   * For the order of these the transport vouches (P11), also of a bare pre-op: one that came again
   * behind its clear would leave a mark for ever. The master, too, sends each once.
   */
  private static boolean isOrdered(Request request) {
    return switch (request.getBodyCase()) {
      case WRITE_OBJECT, TRUNCATE_OBJECT, ALLOCATE_OBJECT, PRE_OP, SYNC_OBJECTS, CLEAR_DIRTY ->
          true;
      default -> false;
    };
  }

  private void onReply(byte[] frame) {
    if (client != End.READY && client != End.RETIRED) {
      return;
    }
    FrameCodec.Decoded decoded = decode(frame);
    Reply reply = (Reply) decoded.message();
    SimPeers.Call call = sent.remove(reply.getCall());
    if (call != null) {
      call.end(reply, decoded.payload().toByteArray());
    }
    maybeClose();
  }

  void forget(SimPeers.Call call) {
    sent.values().remove(call);
    maybeClose();
  }

  /** The client wants no more of it. */
  void leave() {
    if (client == End.READY) {
      client = End.RETIRED;
      maybeClose();
    } else if (client == End.OPENING) {
      breakIt("connection closed");
    }
  }

  private void maybeClose() {
    if (client == End.RETIRED && sent.isEmpty()) {
      breakIt("connection closed");
    }
  }

  /** The client sees the end at once; the server after what is still in the stream. */
  void breakIt(String why) {
    if (client == End.CLOSED) {
      return;
    }
    if (server != null) {
      // What is in the stream may still arrive, also behind the next connection's hello.
      streamLost = network.random().nextBoolean();
      toServer.send(this::closeServed);
    }
    closeClient(why);
  }

  private void closeClient(String why) {
    if (client == End.CLOSED) {
      return;
    }
    client = End.CLOSED;
    List<SimPeers.Call> lost = new ArrayList<>(sent.values());
    sent.clear();
    toClient.held.clear();
    if (server == null || served == End.CLOSED) {
      network.remove(this);
    }
    peer.onGone(this, lost, why);
  }

  void onClientCrashed() {
    client = End.CLOSED;
    sent.clear();
    if (server != null && served != End.CLOSED) {
      toServer.send(this::closeServed);
    } else {
      network.remove(this);
    }
  }

  // ---- the server's end

  private void onHello() {
    if (served != End.OPENING) {
      return;
    }
    SimNetwork.Who who = peers.who();
    identity =
        new PeerIdentity(
            who.role(),
            who.host().name(),
            session,
            number,
            who.daemon(),
            who.incarnation(),
            this::push);
    if (session == 0) {
      welcome();
    } else if (server.lines.enter(session, number, this)) {
      inLines = true;
    } else {
      refuse();
    }
  }

  private void refuse() {
    served = End.CLOSED;
    toClient.send(() -> closeClient("an older connection than one that was here before"));
  }

  @Override
  public void admitted() {
    server.host.after(1, "admitted", this::welcome);
  }

  private void welcome() {
    if (served == End.OPENING) {
      served = End.READY;
      toClient.send(
          () -> {
            if (client == End.OPENING) {
              client = End.READY;
              peer.pump();
            }
          });
    }
  }

  private void onRequest(byte[] frame) {
    if (served != End.READY || streamLost) {
      return;
    }
    FrameCodec.Decoded decoded = decode(frame);
    Request request = (Request) decoded.message();
    executing++;
    server.handler.onRequest(request, decoded.payload(), new Answer(request));
  }

  /** Answers one request, once. */
  private final class Answer implements Responder {
    private final Request request;
    private boolean answered;

    Answer(Request request) {
      this.request = request;
    }

    @Override
    public void reply(Reply reply, Payload payload) {
      Check.that(!answered, "a %s is answered twice", request.getBodyCase());
      answered = true;
      executing--;
      Reply numbered = reply.toBuilder().setCall(request.getCall()).build();
      byte[] frame = FrameCodec.encode(numbered, payload);
      mix(frame);
      if (served == End.READY || served == End.RETIRED) {
        if (network.random().nextDouble() < network.weather().loss()) {
          network.onEvent("lost");
        } else {
          toClient.send(() -> onReply(frame));
        }
      }
      maybeFinish();
    }

    @Override
    public PeerIdentity peer() {
      return identity;
    }
  }

  private boolean push(Push push) {
    if (served != End.READY) {
      return false;
    }
    byte[] frame = FrameCodec.encode(push, Payload.EMPTY);
    mix(frame);
    if (network.random().nextDouble() >= network.weather().loss()) {
      toClient.send(
          () -> {
            if (client == End.READY || client == End.RETIRED) {
              peers.who().onPush().accept(address, (Push) decode(frame).message());
            }
          });
    }
    return true;
  }

  @Override
  public void retire() {
    server.host.after(1, "retire", this::onRetired);
  }

  /** A newer connection of the session wants in. */
  private void onRetired() {
    if (served == End.READY || served == End.OPENING) {
      served = End.RETIRED;
      maybeFinish();
    }
  }

  private void maybeFinish() {
    if (executing > 0 || (served != End.RETIRED && served != End.CLOSED)) {
      return;
    }
    if (inLines) {
      inLines = false;
      server.lines.finished(session, this);
    }
    if (served == End.RETIRED) {
      served = End.CLOSED;
      toClient.send(() -> closeClient("a newer connection took over"));
      server.handler.onDisconnected(identity);
    }
  }

  private void closeServed() {
    if (served == End.CLOSED) {
      return;
    }
    boolean wasReady = served == End.READY || served == End.RETIRED;
    served = End.CLOSED;
    maybeFinish();
    if (wasReady) {
      server.handler.onDisconnected(identity);
    }
    if (client == End.CLOSED) {
      network.remove(this);
    }
  }

  void onServerCrashed() {
    served = End.CLOSED;
    if (client == End.CLOSED) {
      network.remove(this);
    } else if (clientHost().isUp()) {
      clientHost().after(network.delayNs(), "lost", () -> closeClient("connection lost"));
    }
  }

  void onMended() {
    if (server != null) {
      toServer.release();
      toClient.release();
    }
  }

  private void mix(byte[] frame) {
    CRC32C crc = new CRC32C();
    crc.update(frame);
    network.time().mix(crc.getValue());
  }

  private static FrameCodec.Decoded decode(byte[] frame) {
    try {
      return FrameCodec.decode(frame);
    } catch (BadFrame e) {
      throw Check.unreachable("a frame that we encoded does not decode: %s", e.getMessage());
    }
  }
}
