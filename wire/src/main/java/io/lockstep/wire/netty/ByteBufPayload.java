package io.lockstep.wire.netty;

import io.lockstep.core.Check;
import io.lockstep.wire.Payload;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;

/**
 * Counted by references like the buffer inside. A payload in pooled direct memory: what arrives in
 * a frame, or what a sender fills.
 *
 * <p>Sending one hands its memory to the socket without a copy.
 */
public final class ByteBufPayload implements Payload {
  private final ByteBuf buffer;

  private ByteBufPayload(ByteBuf buffer) {
    this.buffer = buffer;
  }

  /** Over the readable bytes of {@code buffer}; takes over its reference. */
  public static ByteBufPayload of(ByteBuf buffer) {
    return new ByteBufPayload(buffer);
  }

  /** Of {@code sizeBytes} undefined bytes, to be filled through {@link #target}. */
  public static ByteBufPayload allocate(int sizeBytes) {
    return new ByteBufPayload(
        Buffers.ALLOCATOR.directBuffer(sizeBytes, sizeBytes).writerIndex(sizeBytes));
  }

  /** A writable view of all bytes: for the one who allocated it, before anybody else has it. */
  public ByteBuffer target() {
    return buffer.nioBuffer();
  }

  /** Cuts off what was not filled: for the one who allocated it, before anybody else has it. */
  public ByteBufPayload truncate(int sizeBytes) {
    Check.that(sizeBytes <= sizeBytes(), "truncate of %d bytes to %d", sizeBytes(), sizeBytes);
    buffer.writerIndex(buffer.readerIndex() + sizeBytes);
    return this;
  }

  /** The buffer itself; the reference stays with this payload. */
  ByteBuf buffer() {
    return buffer;
  }

  @Override
  public int sizeBytes() {
    return buffer.readableBytes();
  }

  @Override
  public ByteBuffer[] buffers() {
    ByteBuffer[] views = buffer.nioBuffers();
    for (int i = 0; i < views.length; i++) {
      views[i] = views[i].asReadOnlyBuffer();
    }
    return views;
  }

  @Override
  public Payload retain() {
    buffer.retain();
    return this;
  }

  @Override
  public void release() {
    buffer.release();
  }
}
