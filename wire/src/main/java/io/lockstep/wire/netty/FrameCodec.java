package io.lockstep.wire.netty;

import com.google.protobuf.MessageLite;
import io.lockstep.core.Check;
import io.lockstep.wire.Payload;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * Immutable. Frames as bytes, without a connection: what a network in memory carries, so that every
 * message of a simulated cluster goes through the format of the real one.
 */
public final class FrameCodec {
  private FrameCodec() {}

  /** Immutable. A message and the bytes that travelled beside it, on the heap. */
  public record Decoded(MessageLite message, Payload payload) {}

  /** The frame of a request, reply or push; {@code payload} is released. */
  public static byte[] encode(MessageLite message, Payload payload) {
    String excess = FrameFormat.excess(message, payload);
    Check.that(excess == null, "a frame cannot hold a %s", excess);
    int total = FrameFormat.OVERHEAD_BYTES + message.getSerializedSize() + payload.sizeBytes();
    ByteBuf frame = Unpooled.buffer(total, total);
    FrameFormat.writeHead(frame, typeOf(message), message, payload.sizeBytes());
    for (ByteBuffer bytes : payload.buffers()) {
      frame.writeBytes(bytes);
    }
    payload.release();
    CRC32C crc = new CRC32C();
    crc.update(frame.nioBuffer());
    frame.writeInt((int) crc.getValue());
    return frame.array();
  }

  /** What is in a whole frame; throws for one that is damaged. */
  public static Decoded decode(byte[] frame) throws BadFrame {
    ByteBuf in = Unpooled.wrappedBuffer(frame);
    int length = FrameFormat.checkedLength(in, 0, FrameFormat.BYTES_MAX);
    if (length != frame.length) {
      throw new BadFrame("frame of " + frame.length + " bytes says " + length);
    }
    InboundFrame decoded = FrameFormat.decode(in);
    byte[] payload = decoded.payload().toByteArray();
    decoded.payload().release();
    return new Decoded(decoded.message(), Payload.of(payload));
  }

  private static FrameType typeOf(MessageLite message) {
    if (message instanceof Request) {
      return FrameType.REQUEST;
    }
    if (message instanceof Reply) {
      return FrameType.REPLY;
    }
    Check.that(message instanceof Push, "no frame for a %s", message.getClass().getName());
    return FrameType.PUSH;
  }
}
