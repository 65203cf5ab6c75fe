package io.lockstep.wire;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

/** Payloads are views that do not disturb each other. */
class PayloadTest {
  @Test
  void allBytesOfSeveralBuffersInOrder() {
    assertThat(new CountedPayload().toByteArray()).containsExactly(1, 2, 3);
  }

  @Test
  void readingOneViewDoesNotMoveAnother() {
    Payload payload = Payload.of(new byte[] {1, 2, 3});
    payload.buffers()[0].get();
    assertThat(payload.buffers()[0].remaining()).isEqualTo(3);
    assertThat(payload.sizeBytes()).isEqualTo(3);
    assertThat(payload.toByteArray()).containsExactly(1, 2, 3);
    assertThat(payload.buffers()[0].isReadOnly()).isTrue();
  }

  @Test
  void aBufferCountsFromItsPosition() {
    ByteBuffer buffer = ByteBuffer.wrap(new byte[] {1, 2, 3, 4});
    buffer.position(1).limit(3);
    Payload payload = Payload.of(buffer);
    buffer.position(0);
    assertThat(payload.toByteArray()).containsExactly(2, 3);
  }

  @Test
  void nothingIsEmpty() {
    assertThat(Payload.of(new byte[0])).isSameAs(Payload.EMPTY);
    assertThat(Payload.of(ByteBuffer.allocate(0))).isSameAs(Payload.EMPTY);
    assertThat(Payload.EMPTY.toByteArray()).isEmpty();
    Payload.EMPTY.retain().release();
  }
}
