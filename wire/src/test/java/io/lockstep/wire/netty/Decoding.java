package io.lockstep.wire.netty;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import java.util.ArrayList;
import java.util.List;

/** Confined to one test: what the decoder makes of a stream of bytes. */
final class Decoding {
  private final List<Throwable> thrown = new ArrayList<>();
  private final FrameDecoder decoder = new FrameDecoder(new TransportCounters());
  private final EmbeddedChannel channel;
  private int turn;

  Decoding(boolean trusted) {
    if (trusted) {
      decoder.trust();
    }
    channel =
        new EmbeddedChannel(
            decoder,
            new ChannelInboundHandlerAdapter() {
              @Override
              public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
                thrown.add(cause);
              }
            });
    channel.config().setAllocator(Buffers.ALLOCATOR);
  }

  /** Every other time into the memory that the decoder lends, if it does. */
  Decoding feed(byte[] bytes, int from, int count) {
    ByteBuf lent = turn++ % 2 == 0 ? decoder.lend(1) : null;
    if (lent != null) {
      int fits = Math.min(count, lent.capacity() - lent.writerIndex());
      lent.writeBytes(bytes, from, fits);
      channel.writeInbound(lent);
      return fits < count ? feed(bytes, from + fits, count - fits) : this;
    }
    ByteBuf buffer = Buffers.ALLOCATOR.directBuffer(Math.max(1, count));
    buffer.writeBytes(bytes, from, count);
    channel.writeInbound(buffer);
    return this;
  }

  Decoding feed(byte[] bytes) {
    return feed(bytes, 0, bytes.length);
  }

  /** The next frame, or null; its payload is the taker's. */
  InboundFrame frame() {
    return channel.readInbound();
  }

  /** What went wrong, in order. */
  List<Throwable> thrown() {
    return thrown;
  }

  void close() {
    for (InboundFrame frame = frame(); frame != null; frame = frame()) {
      frame.payload().release();
    }
    channel.finishAndReleaseAll();
  }
}
