package io.lockstep.wire.netty;

import io.lockstep.wire.RequestHandler;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.flush.FlushConsolidationHandler;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;

/**
 * Confined to its owner, who starts and closes it; its connections live on its event loops. Serves
 * requests over TCP.
 *
 * <p>Every connection proves the cluster secret before anything else is read from it. A peer that
 * breaks a rule is dropped, counted, and logged once per host.
 */
public final class NettyServer implements AutoCloseable {
  private static final int BACKLOG = 256;
  private static final int FLUSHES_MAX = 256;
  private static final long CLOSE_TIMEOUT_MS = 3_000;

  private final ServerContext context;
  private final ChannelGroup connections =
      new DefaultChannelGroup(GlobalEventExecutor.INSTANCE, true);
  private MultiThreadIoEventLoopGroup loops;
  private Channel listener;

  public NettyServer(ServerOptions options, RequestHandler handler) {
    this.context = new ServerContext(options, handler);
  }

  /**
   * Binds and accepts connections.
   *
   * @return the port, chosen by the system if 0 was asked for
   * @throws IOException if the address cannot be bound, or is not one of loopback
   */
  public int start() throws IOException {
    ServerOptions options = context.options;
    InetAddress host = InetAddress.getByName(options.host());
    if (!host.isLoopbackAddress()) {
      throw new IOException(
          "listening on "
              + options.host()
              + " is refused until there is TLS; use a loopback address such as 127.0.0.1");
    }
    ServerLimits limits = options.limits();
    loops = limits.transport().group("server-" + options.identity().role(), limits.threads());
    ChannelFuture bound =
        new ServerBootstrap()
            .group(loops)
            .channel(limits.transport().serverChannel())
            .option(ChannelOption.SO_BACKLOG, BACKLOG)
            .option(ChannelOption.SO_REUSEADDR, true)
            .childHandler(
                new ChannelInitializer<SocketChannel>() {
                  @Override
                  protected void initChannel(SocketChannel channel) {
                    prepare(channel);
                  }
                })
            .bind(host, options.port())
            .awaitUninterruptibly();
    if (!bound.isSuccess()) {
      close();
      throw new IOException(
          "cannot listen on port "
              + options.port()
              + " of "
              + options.host()
              + ": "
              + bound.cause().getMessage(),
          bound.cause());
    }
    listener = bound.channel();
    return port();
  }

  private void prepare(SocketChannel channel) {
    FrameDecoder decoder = new FrameDecoder(context.counters);
    Sockets.configure(channel.config(), decoder);
    channel
        .pipeline()
        .addLast(new FlushConsolidationHandler(FLUSHES_MAX, true))
        .addLast(decoder)
        .addLast(new ServerConnection(context, decoder));
    connections.add(channel);
  }

  /** The port that it listens on. */
  public int port() {
    return ((InetSocketAddress) listener.localAddress()).getPort();
  }

  /** For a daemon that learned the id of its cluster after it started. */
  public void adoptCluster(long cluster) {
    context.cluster.set(cluster);
  }

  public TransportCounters counters() {
    return context.counters;
  }

  /**
   * Stops listening and closes all connections; answers given from now on go nowhere. Must not be
   * called on an event loop.
   */
  @Override
  public void close() {
    if (listener != null) {
      listener.close().awaitUninterruptibly(CLOSE_TIMEOUT_MS);
    }
    connections.close().awaitUninterruptibly(CLOSE_TIMEOUT_MS);
    if (loops != null) {
      loops
          .shutdownGracefully(0, CLOSE_TIMEOUT_MS, TimeUnit.MILLISECONDS)
          .awaitUninterruptibly(CLOSE_TIMEOUT_MS);
    }
  }
}
