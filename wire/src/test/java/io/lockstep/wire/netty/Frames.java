package io.lockstep.wire.netty;

import com.google.protobuf.MessageLite;
import io.lockstep.wire.Payload;
import io.netty.buffer.ByteBuf;
import io.netty.channel.embedded.EmbeddedChannel;
import java.io.ByteArrayOutputStream;

/** Immutable. Frames as bytes, made by the production writer. */
final class Frames {
  private Frames() {}

  static byte[] encode(FrameType type, MessageLite message, Payload payload) {
    EmbeddedChannel channel = new EmbeddedChannel();
    new FrameWriter(new TransportCounters()).write(channel, type, message, payload);
    channel.flush();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (ByteBuf part = channel.readOutbound(); part != null; part = channel.readOutbound()) {
      byte[] copy = new byte[part.readableBytes()];
      part.readBytes(copy);
      bytes.writeBytes(copy);
      part.release();
    }
    channel.finishAndReleaseAll();
    return bytes.toByteArray();
  }
}
