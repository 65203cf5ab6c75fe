package io.lockstep.wire.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.wire.Payload;
import io.lockstep.wire.message.ReadObject;
import io.lockstep.wire.message.Request;
import org.junit.jupiter.api.Test;

class FrameCodecTest {
  private static final Request REQUEST =
      Request.newBuilder()
          .setCall(7)
          .setReadObject(ReadObject.newBuilder().setOffset(4096).setLength(100))
          .build();
  private static final byte[] BYTES = {1, 2, 3, 4, 5};

  @Test
  void decodesWhatItEncoded() throws Exception {
    FrameCodec.Decoded decoded =
        FrameCodec.decode(FrameCodec.encode(REQUEST, Payload.of(BYTES.clone())));
    assertThat(decoded.message()).isEqualTo(REQUEST);
    assertThat(decoded.payload().toByteArray()).isEqualTo(BYTES);
  }

  @Test
  void itsFramesAreThoseOfTheWriter() {
    assertThat(FrameCodec.encode(REQUEST, Payload.of(BYTES.clone())))
        .isEqualTo(Frames.encode(FrameType.REQUEST, REQUEST, Payload.of(BYTES.clone())));
  }

  @Test
  void aFlippedBitIsFound() {
    byte[] frame = FrameCodec.encode(REQUEST, Payload.of(BYTES.clone()));
    for (int bit = 0; bit < frame.length * 8; bit++) {
      byte[] flipped = frame.clone();
      flipped[bit / 8] ^= (byte) (1 << (bit % 8));
      assertThatThrownBy(() -> FrameCodec.decode(flipped)).isInstanceOf(BadFrame.class);
    }
  }
}
