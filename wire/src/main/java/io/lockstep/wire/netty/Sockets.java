package io.lockstep.wire.netty;

import io.netty.channel.ChannelConfig;
import io.netty.channel.ChannelOption;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollSocketChannelConfig;

/** Immutable. The socket options that both sides use. */
final class Sockets {
  /** Between these the channel is not writable: two frames of the largest size. */
  private static final WriteBufferWaterMark WATER_MARK = new WriteBufferWaterMark(1 << 20, 2 << 20);

  private static final int USER_TIMEOUT_MS = 15_000;
  private static final int KEEPALIVE_IDLE_S = 10;
  private static final int KEEPALIVE_INTERVAL_S = 3;
  private static final int KEEPALIVE_PROBES = 3;

  private Sockets() {}

  static void configure(ChannelConfig config, FrameDecoder decoder) {
    config.setOption(ChannelOption.ALLOCATOR, Buffers.ALLOCATOR);
    config.setOption(ChannelOption.RECVBUF_ALLOCATOR, new ReceiveBuffers(decoder));
    config.setOption(ChannelOption.WRITE_BUFFER_WATER_MARK, WATER_MARK);
    config.setOption(ChannelOption.TCP_NODELAY, true);
    config.setOption(ChannelOption.SO_KEEPALIVE, true);
    if (config instanceof EpollSocketChannelConfig) {
      // A peer whose machine is gone is noticed although nothing closes the connection.
      config.setOption(EpollChannelOption.TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
      config.setOption(EpollChannelOption.TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
      config.setOption(EpollChannelOption.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
      config.setOption(EpollChannelOption.TCP_KEEPCNT, KEEPALIVE_PROBES);
    }
  }
}
