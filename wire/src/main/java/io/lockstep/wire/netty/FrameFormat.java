package io.lockstep.wire.netty;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.MessageLite;
import io.lockstep.core.Check;
import io.lockstep.core.Limits;
import io.lockstep.wire.Payload;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/** Immutable. Layout and bounds of a frame; drawn in the documentation of this package. */
final class FrameFormat {
  static final int PREFIX_BYTES = 16;
  static final int CHECKSUM_BYTES = 4;
  static final int OVERHEAD_BYTES = PREFIX_BYTES + CHECKSUM_BYTES;

  /** Before the handshake is through. */
  static final int STRANGER_BYTES_MAX = 64 << 10;

  static final int BYTES_MAX = OVERHEAD_BYTES + Limits.HEADER_BYTES_MAX + Limits.PAYLOAD_BYTES_MAX;

  private static final int MAGIC = 'L' << 8 | 'S';
  private static final int VERSION = 1;
  private static final int RECURSION_MAX = 32;

  private FrameFormat() {}

  /**
   * The total length of the frame whose prefix is at {@code index}, after checking all of the
   * prefix.
   */
  static int checkedLength(ByteBuf in, int index, int bytesMax) throws BadFrame {
    long total = in.getUnsignedInt(index);
    int magic = in.getUnsignedShort(index + 4);
    if (magic != MAGIC) {
      throw new BadFrame(String.format("magic 0x%04x instead of 0x%04x", magic, MAGIC));
    }
    int version = in.getUnsignedByte(index + 6);
    if (version != VERSION) {
      throw new BadFrame("frame version " + version + " instead of " + VERSION);
    }
    if (FrameType.ofNumber(in.getUnsignedByte(index + 7)) == null) {
      throw new BadFrame("frame type " + in.getUnsignedByte(index + 7));
    }
    if (total < OVERHEAD_BYTES || total > bytesMax) {
      throw new BadFrame(
          "frame of " + total + " bytes, allowed are " + OVERHEAD_BYTES + " to " + bytesMax);
    }
    long header = in.getUnsignedInt(index + 8);
    long payload = total - OVERHEAD_BYTES - header;
    if (header > Limits.HEADER_BYTES_MAX || payload < 0 || payload > Limits.PAYLOAD_BYTES_MAX) {
      throw new BadFrame("header of " + header + " bytes in a frame of " + total);
    }
    if (in.getUnsignedInt(index + 12) != 0) {
      throw new BadFrame("flags 0x" + Long.toHexString(in.getUnsignedInt(index + 12)));
    }
    return (int) total;
  }

  /**
   * The message and payload of a whole frame that passed {@link #checkedLength}; the payload holds
   * a reference of its own to {@code frame}.
   */
  static InboundFrame decode(ByteBuf frame) throws BadFrame {
    int start = frame.readerIndex();
    int covered = frame.readableBytes() - CHECKSUM_BYTES;
    int found = frame.getInt(start + covered);
    CRC32C crc = new CRC32C();
    crc.update(frame.nioBuffer(start, covered));
    if (found != (int) crc.getValue()) {
      throw new BadFrame(
          String.format("checksum 0x%08x instead of 0x%08x", found, (int) crc.getValue()));
    }
    FrameType type = FrameType.ofNumber(frame.getUnsignedByte(start + 7));
    int headerBytes = frame.getInt(start + 8);
    MessageLite message = parse(type, frame.nioBuffer(start + PREFIX_BYTES, headerBytes));
    int payloadBytes = covered - PREFIX_BYTES - headerBytes;
    Payload payload =
        payloadBytes == 0
            ? Payload.EMPTY
            : ByteBufPayload.of(
                frame.retainedSlice(start + PREFIX_BYTES + headerBytes, payloadBytes));
    return new InboundFrame(type, message, payload);
  }

  private static MessageLite parse(FrameType type, ByteBuffer header) throws BadFrame {
    CodedInputStream in = CodedInputStream.newInstance(header);
    in.setRecursionLimit(RECURSION_MAX);
    in.setSizeLimit(Limits.HEADER_BYTES_MAX);
    try {
      return type.parser().parseFrom(in);
    } catch (IOException e) {
      throw new BadFrame("malformed " + type + ": " + e.getMessage());
    }
  }

  /** Why this cannot be sent, or null. */
  static String excess(MessageLite header, Payload payload) {
    if (header.getSerializedSize() > Limits.HEADER_BYTES_MAX) {
      return "header of "
          + header.getSerializedSize()
          + " bytes, at most "
          + Limits.HEADER_BYTES_MAX;
    }
    if (payload.sizeBytes() > Limits.PAYLOAD_BYTES_MAX) {
      return "payload of " + payload.sizeBytes() + " bytes, at most " + Limits.PAYLOAD_BYTES_MAX;
    }
    return null;
  }

  /** Puts prefix and header at the writer index of {@code out}. */
  static void writeHead(ByteBuf out, FrameType type, MessageLite header, int payloadBytes) {
    int headerBytes = header.getSerializedSize();
    out.writeInt(OVERHEAD_BYTES + headerBytes + payloadBytes);
    out.writeShort(MAGIC);
    out.writeByte(VERSION);
    out.writeByte(type.number());
    out.writeInt(headerBytes);
    out.writeInt(0);
    CodedOutputStream stream =
        CodedOutputStream.newInstance(out.nioBuffer(out.writerIndex(), headerBytes));
    try {
      header.writeTo(stream);
      stream.flush();
      stream.checkNoSpaceLeft();
    } catch (IOException e) {
      throw Check.unreachable("%s did not fit its own size %d: %s", type, headerBytes, e);
    }
    out.writerIndex(out.writerIndex() + headerBytes);
  }
}
