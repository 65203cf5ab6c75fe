package io.lockstep.wire.netty;

import com.google.protobuf.MessageLite;
import io.lockstep.wire.Payload;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOutboundInvoker;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * Immutable, but for the counters. Puts frames into the outbound buffer of a channel; called on its
 * event loop.
 */
final class FrameWriter {
  private final TransportCounters counters;

  FrameWriter(TransportCounters counters) {
    this.counters = counters;
  }

  /**
   * Writes one frame without flushing and releases {@code payload} once it is sent or lost. The
   * future is that of the whole frame. Direct memory goes to the socket as it is; bytes on the heap
   * are copied once, into the frame, since the socket would have to copy them anyway.
   */
  ChannelFuture write(
      ChannelOutboundInvoker out, FrameType type, MessageLite header, Payload payload) {
    counters.onBytesOut(
        FrameFormat.OVERHEAD_BYTES + header.getSerializedSize() + payload.sizeBytes());
    ByteBuffer[] bytes = payload.buffers();
    return isDirect(bytes)
        ? writeAside(out, type, header, payload, bytes)
        : writeInOne(out, type, header, payload, bytes);
  }

  private static boolean isDirect(ByteBuffer[] bytes) {
    for (ByteBuffer b : bytes) {
      if (!b.isDirect()) {
        return false;
      }
    }
    return bytes.length > 0;
  }

  private static ChannelFuture writeInOne(
      ChannelOutboundInvoker out,
      FrameType type,
      MessageLite header,
      Payload payload,
      ByteBuffer[] bytes) {
    int size = payload.sizeBytes();
    int total = FrameFormat.OVERHEAD_BYTES + header.getSerializedSize() + size;
    ByteBuf frame = allocate(total);
    if (frame == null) {
      return failed(out, payload);
    }
    FrameFormat.writeHead(frame, type, header, size);
    for (ByteBuffer b : bytes) {
      frame.writeBytes(b);
    }
    payload.release();
    CRC32C crc = new CRC32C();
    crc.update(frame.nioBuffer());
    frame.writeInt((int) crc.getValue());
    return out.write(frame);
  }

  private static ChannelFuture writeAside(
      ChannelOutboundInvoker out,
      FrameType type,
      MessageLite header,
      Payload payload,
      ByteBuffer[] bytes) {
    int headBytes = FrameFormat.PREFIX_BYTES + header.getSerializedSize();
    ByteBuf around = allocate(headBytes + FrameFormat.CHECKSUM_BYTES);
    if (around == null) {
      return failed(out, payload);
    }
    FrameFormat.writeHead(around, type, header, payload.sizeBytes());
    CRC32C crc = new CRC32C();
    crc.update(around.nioBuffer());
    for (ByteBuffer b : bytes) {
      crc.update(b.duplicate());
    }
    around.writeInt((int) crc.getValue());
    out.write(around.readRetainedSlice(headBytes));
    if (payload instanceof ByteBufPayload pooled) {
      // A view of its own: whoever else holds this payload does not see its indices move.
      out.write(pooled.buffer().slice());
      return out.write(around);
    }
    out.write(Unpooled.wrappedBuffer(bytes));
    return out.write(around).addListener(done -> payload.release());
  }

  /** Null if the direct memory of the process is used up: that is the fate of one connection. */
  private static ByteBuf allocate(int sizeBytes) {
    try {
      return Buffers.ALLOCATOR.directBuffer(sizeBytes, sizeBytes);
    } catch (OutOfMemoryError e) {
      return null;
    }
  }

  private static ChannelFuture failed(ChannelOutboundInvoker out, Payload payload) {
    payload.release();
    return out.newFailedFuture(new IOException("no direct memory is left for a frame"));
  }
}
