package io.lockstep.wire.netty;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import org.jspecify.annotations.Nullable;

/**
 * Confined to the event loop of its channel. Cuts the stream into frames.
 *
 * <p>A frame that arrived whole is a slice of the receive buffer; one that did not is gathered in a
 * buffer of exactly its length, so that its payload is contiguous. The socket puts the rest of a
 * long one there itself, see {@link ReceiveBuffers}. The first bad frame ends the decoding: it is
 * handed on as {@link BadFrame} through {@code exceptionCaught} and everything after it is thrown
 * away.
 */
final class FrameDecoder extends ChannelInboundHandlerAdapter {
  private final TransportCounters counters;
  private int bytesMax = FrameFormat.STRANGER_BYTES_MAX;

  /** The beginning of a frame: its prefix, or more once {@link #wanted} is its whole length. */
  private ByteBuf partial;

  private int wanted;

  /** Bytes of {@link #partial} that are counted already. */
  private int counted;

  private boolean broken;

  FrameDecoder(TransportCounters counters) {
    this.counters = counters;
  }

  /** The peer has proved who it is: large frames are taken from now on. */
  void trust() {
    bytesMax = FrameFormat.BYTES_MAX;
  }

  /**
   * Where the socket may put what comes next: the rest of a frame of known length, if at least
   * {@code bytesMin} of it are missing; with a reference for the taker. Else null.
   */
  @Nullable ByteBuf lend(int bytesMin) {
    boolean known = partial != null && wanted > FrameFormat.PREFIX_BYTES;
    if (!known || wanted - partial.readableBytes() < bytesMin) {
      return null;
    }
    counted = partial.readableBytes();
    return partial.retain();
  }

  @Override
  @SuppressWarnings("ReferenceEquality") // The very buffer that was lent.
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    ByteBuf in = (ByteBuf) message;
    boolean lent = in == partial;
    counters.onBytesIn(in.readableBytes() - (lent ? counted : 0));
    try {
      if (lent) {
        onFilled(ctx);
        return;
      }
      while (!broken && in.isReadable()) {
        ByteBuf frame = partial == null ? whole(ctx, in) : gathered(in);
        if (frame != null) {
          handOn(ctx, frame);
        }
      }
    } catch (BadFrame e) {
      broken = true;
      dropPartial();
      ctx.fireExceptionCaught(e);
    } finally {
      in.release();
    }
  }

  /** The next frame if all of it is in {@code in}; else begins to gather it. */
  private ByteBuf whole(ChannelHandlerContext ctx, ByteBuf in) throws BadFrame {
    wanted = FrameFormat.PREFIX_BYTES;
    if (in.readableBytes() >= wanted) {
      wanted = FrameFormat.checkedLength(in, in.readerIndex(), bytesMax);
      if (in.readableBytes() >= wanted) {
        return in.readRetainedSlice(wanted);
      }
    }
    partial = ctx.alloc().directBuffer(wanted);
    return gathered(in);
  }

  private void onFilled(ChannelHandlerContext ctx) throws BadFrame {
    if (partial.readableBytes() == wanted) {
      ByteBuf frame = partial;
      partial = null;
      handOn(ctx, frame);
    }
  }

  private ByteBuf gathered(ByteBuf in) throws BadFrame {
    partial.writeBytes(in, Math.min(wanted - partial.readableBytes(), in.readableBytes()));
    if (partial.readableBytes() < wanted) {
      return null;
    }
    if (wanted == FrameFormat.PREFIX_BYTES) {
      wanted = FrameFormat.checkedLength(partial, 0, bytesMax);
      partial.capacity(wanted);
      return null;
    }
    ByteBuf frame = partial;
    partial = null;
    return frame;
  }

  private static void handOn(ChannelHandlerContext ctx, ByteBuf frame) throws BadFrame {
    InboundFrame decoded;
    try {
      decoded = FrameFormat.decode(frame);
    } finally {
      frame.release();
    }
    ctx.fireChannelRead(decoded);
  }

  private void dropPartial() {
    if (partial != null) {
      partial.release();
      partial = null;
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    dropPartial();
    ctx.fireChannelInactive();
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext ctx) {
    dropPartial();
  }
}
