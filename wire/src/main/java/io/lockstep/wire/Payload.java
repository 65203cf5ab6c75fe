package io.lockstep.wire;

import java.nio.ByteBuffer;

/**
 * Bytes that travel beside a message, counted by references like a Netty buffer: whoever is handed
 * one releases it once; {@link #retain} before handing it on to more than one.
 */
public interface Payload {
  /** No bytes; retain and release do nothing. */
  Payload EMPTY =
      new Payload() {
        @Override
        public int sizeBytes() {
          return 0;
        }

        @Override
        public ByteBuffer[] buffers() {
          return new ByteBuffer[0];
        }

        @Override
        public Payload retain() {
          return this;
        }

        @Override
        public void release() {}
      };

  int sizeBytes();

  /**
   * The bytes in order, as read-only or private views: positions of one caller are not seen by
   * another.
   */
  ByteBuffer[] buffers();

  Payload retain();

  void release();

  /** A payload on the heap over {@code bytes}, which must not change any more. */
  static Payload of(byte[] bytes) {
    return bytes.length == 0 ? EMPTY : new HeapPayload(ByteBuffer.wrap(bytes));
  }

  /**
   * A payload over the remaining bytes of {@code buffer}, which must not change until everybody
   * released it.
   */
  static Payload of(ByteBuffer buffer) {
    return buffer.hasRemaining() ? new HeapPayload(buffer.slice()) : EMPTY;
  }

  /** A copy of all bytes on the heap. */
  default byte[] toByteArray() {
    byte[] bytes = new byte[sizeBytes()];
    int at = 0;
    for (ByteBuffer buffer : buffers()) {
      int count = buffer.remaining();
      buffer.get(bytes, at, count);
      at += count;
    }
    return bytes;
  }
}
