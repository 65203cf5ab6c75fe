package io.lockstep.wire;

import java.nio.ByteBuffer;

/** Immutable. A payload whose memory is collected: references are not counted. */
record HeapPayload(ByteBuffer bytes) implements Payload {
  @Override
  public int sizeBytes() {
    return bytes.remaining();
  }

  @Override
  public ByteBuffer[] buffers() {
    return new ByteBuffer[] {bytes.asReadOnlyBuffer()};
  }

  @Override
  public Payload retain() {
    return this;
  }

  @Override
  public void release() {}
}
