package io.lockstep.wire;

import java.nio.ByteBuffer;

/** Confined to one test. Says whether everybody released it. */
final class CountedPayload implements Payload {
  private int references = 1;

  int references() {
    return references;
  }

  @Override
  public int sizeBytes() {
    return 3;
  }

  @Override
  public ByteBuffer[] buffers() {
    return new ByteBuffer[] {ByteBuffer.wrap(new byte[] {1}), ByteBuffer.wrap(new byte[] {2, 3})};
  }

  @Override
  public Payload retain() {
    references++;
    return this;
  }

  @Override
  public void release() {
    references--;
  }
}
