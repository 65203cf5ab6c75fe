package io.lockstep.simulation.world;

import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.RequestHandler;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.netty.SessionLines;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.function.BiConsumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Confined to the thread of the simulation. Connections between hosts, each an ordered stream of
 * frames in both directions, as TCP is: it may be slow, stand still, or break with what is in it.
 */
public final class SimNetwork {
  private static final long BASE_NS = 20_000;
  private static final double STALL_CHANCE = 0.002;

  /** Immutable. Who a process says that it is. */
  public record Who(
      SimHost host,
      String role,
      LongSupplier session,
      UUID daemon,
      long incarnation,
      BiConsumer<String, Push> onPush) {}

  /** What listens at an address. */
  static final class Server {
    final SimHost host;
    final RequestHandler handler;
    final SessionLines lines;

    Server(SimHost host, RequestHandler handler, SessionLines lines) {
      this.lines = lines;
      this.host = host;
      this.handler = handler;
    }
  }

  private final VirtualTime time;
  private final Random random;
  private final Supplier<SessionLines> lines;
  private final Map<String, Server> servers = new LinkedHashMap<>();
  private final Set<SimConnection> connections = new LinkedHashSet<>();
  private final Set<String> cuts = new HashSet<>();
  private final Map<String, Long> counts = new LinkedHashMap<>();
  private Weather weather = Weather.FINE;

  /**
   * @param lines keep the order of the connections of a session, one for each server
   */
  public SimNetwork(VirtualTime time, Random random, Supplier<SessionLines> lines) {
    this.lines = lines;
    this.time = time;
    this.random = random;
  }

  public void weather(Weather now) {
    weather = now;
  }

  Weather weather() {
    return weather;
  }

  Random random() {
    return random;
  }

  VirtualTime time() {
    return time;
  }

  /** What happened so often: lost, duplicated, broken, sent. */
  public long count(String what) {
    return counts.getOrDefault(what, 0L);
  }

  void onEvent(String what) {
    counts.merge(what, 1L, Long::sum);
  }

  /** From now on {@code handler} serves {@code address}, until its host crashes. */
  public void listen(SimHost host, String address, RequestHandler handler) {
    servers.put(address, new Server(host, handler, lines.get()));
    host.onCrash(() -> onCrash(host, address));
  }

  private void onCrash(SimHost host, String address) {
    servers.remove(address);
    for (SimConnection connection : List.copyOf(connections)) {
      if (connection.serverHost() == host) {
        connection.onServerCrashed();
      }
    }
  }

  /** The server at this address, or null if nobody listens. */
  Server server(String address) {
    return servers.get(address);
  }

  /** The connections of one run of a process. */
  public PeerDirectory peers(Who who) {
    SimPeers peers = new SimPeers(this, who);
    who.host()
        .onCrash(
            () ->
                List.copyOf(connections).stream()
                    .filter(c -> c.peers() == peers)
                    .forEach(SimConnection::onClientCrashed));
    return peers;
  }

  void add(SimConnection connection) {
    connections.add(connection);
  }

  void remove(SimConnection connection) {
    connections.remove(connection);
  }

  // ---- faults

  /**
   * Nothing gets from one host to the other any more; what was sent arrives after {@link #mend}.
   */
  public void cut(String from, String to) {
    cuts.add(from + ">" + to);
  }

  public void mend(String from, String to) {
    cuts.remove(from + ">" + to);
    connections.forEach(connection -> connection.onMended());
  }

  public void mendAll() {
    cuts.clear();
    connections.forEach(connection -> connection.onMended());
  }

  boolean isCut(SimHost from, SimHost to) {
    return cuts.contains(from.name() + ">" + to.name());
  }

  /** Breaks the connections between two hosts. */
  public void reset(String a, String b) {
    List<SimConnection> broken = new ArrayList<>();
    for (SimConnection each : connections) {
      String client = each.clientHost().name();
      String server = each.serverHost() == null ? "" : each.serverHost().name();
      if ((client.equals(a) && server.equals(b)) || (client.equals(b) && server.equals(a))) {
        broken.add(each);
      }
    }
    broken.forEach(each -> each.breakIt("reset"));
  }

  long delayNs() {
    long delayNs = BASE_NS + (long) (random.nextDouble() * weather.delayMaxNs());
    boolean stalls = weather.stallNs() > 0 && random.nextDouble() < STALL_CHANCE;
    return stalls ? delayNs + (long) (random.nextDouble() * weather.stallNs()) : delayNs;
  }
}
