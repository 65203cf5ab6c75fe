package io.lockstep.wire.netty;

import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * Guarded by its own atomics. The connections of one process to servers: one per address, made when
 * it is first used and again after it broke.
 *
 * <p>A call ends in exactly one reply. After a failed attempt to connect the next call tries again
 * at once: who calls in a loop waits in between. There must be one object of this class per
 * session, since it numbers the session's connections (P11).
 */
public final class NettyPeers implements PeerDirectory, AutoCloseable {
  private static final long CLOSE_TIMEOUT_MS = 3_000;

  private final ClientContext context;
  private final MultiThreadIoEventLoopGroup loops;
  private final Map<String, NettyPeer> peers = new ConcurrentHashMap<>();

  public NettyPeers(ClientOptions options) {
    this.context = new ClientContext(options);
    this.loops =
        options
            .limits()
            .transport()
            .group("peers-" + options.identity().role(), options.limits().threads());
  }

  @Override
  public Peer peer(String address) {
    return peers.computeIfAbsent(address, a -> new NettyPeer(context, a, loops.next()));
  }

  /**
   * Later calls to this address go over a new connection; the present one ends when its calls are
   * answered.
   */
  public void reconnect(String address) {
    NettyPeer peer = peers.get(address);
    if (peer != null) {
      peer.loop().execute(peer::reconnect);
    }
  }

  /** Breaks the connection to this address: its calls end DISCONNECTED. */
  public void disconnect(String address) {
    NettyPeer peer = peers.get(address);
    if (peer != null) {
      peer.loop().execute(peer::disconnect);
    }
  }

  /** The id of the cluster, 0 = no server has told it yet. */
  public long cluster() {
    return context.cluster.get();
  }

  public TransportCounters counters() {
    return context.counters;
  }

  /** Calls that are outstanding end DISCONNECTED, as do all later ones. Not on an event loop. */
  @Override
  public void close() {
    for (NettyPeer peer : peers.values()) {
      if (!loops.isShuttingDown()) {
        peer.loop().submit(peer::close).awaitUninterruptibly(CLOSE_TIMEOUT_MS);
      }
    }
    loops
        .shutdownGracefully(0, CLOSE_TIMEOUT_MS, TimeUnit.MILLISECONDS)
        .awaitUninterruptibly(CLOSE_TIMEOUT_MS);
  }
}
