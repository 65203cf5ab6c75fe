package io.lockstep.wire.netty;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lockstep.core.Limits;
import io.lockstep.wire.Payload;
import io.lockstep.wire.message.HelloProof;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** The bytes of format 1; the expected ones were computed by another program. */
class FrameFormatTest {
  private static final HexFormat HEX = HexFormat.ofDelimiter(" ");
  private static final String PROOF =
      "00 00 00 18 4c 53 01 03 00 00 00 04 00 00 00 00 0a 02 aa bb 20 c7 e1 22";
  private static final String REPLY =
      "00 00 00 1c 4c 53 01 05 00 00 00 05 00 00 00 00 08 05 10 d2 01 01 02 03 47 52 ca df";

  @Test
  void aFrameWithoutPayload() {
    HelloProof proof =
        HelloProof.newBuilder()
            .setProof(ByteString.copyFrom(new byte[] {(byte) 0xaa, (byte) 0xbb}))
            .build();
    assertThat(HEX.formatHex(Frames.encode(FrameType.HELLO_PROOF, proof, Payload.EMPTY)))
        .isEqualTo(PROOF);
  }

  @Test
  void aFrameWithPayloadOnTheHeapAndInDirectMemory() {
    Reply reply = Reply.newBuilder().setCall(5).setCode(210).build();
    byte[] bytes = {1, 2, 3};
    assertThat(HEX.formatHex(Frames.encode(FrameType.REPLY, reply, Payload.of(bytes))))
        .isEqualTo(REPLY);
    ByteBuffer direct = ByteBuffer.allocateDirect(3).put(bytes).flip();
    assertThat(HEX.formatHex(Frames.encode(FrameType.REPLY, reply, Payload.of(direct))))
        .isEqualTo(REPLY);
    ByteBufPayload pooled = ByteBufPayload.allocate(3);
    pooled.target().put(bytes);
    assertThat(HEX.formatHex(Frames.encode(FrameType.REPLY, reply, pooled))).isEqualTo(REPLY);
  }

  @Test
  void goldenBytesAreUnderstood() {
    Decoding decoding = new Decoding(false).feed(HEX.parseHex(PROOF)).feed(HEX.parseHex(REPLY));
    assertThat(decoding.frame().type()).isEqualTo(FrameType.HELLO_PROOF);
    InboundFrame frame = decoding.frame();
    assertThat(frame.type()).isEqualTo(FrameType.REPLY);
    assertThat(((Reply) frame.message()).getCall()).isEqualTo(5);
    assertThat(frame.payload().toByteArray()).containsExactly(1, 2, 3);
    frame.payload().release();
    decoding.close();
  }

  @Test
  void eachFieldOfThePrefixIsChecked() {
    assertRefused(4, 'X', "magic");
    assertRefused(6, 2, "frame version 2");
    assertRefused(7, 0, "frame type 0");
    assertRefused(7, 7, "frame type 7");
    assertRefused(8, 1, "header of");
    assertRefused(15, 1, "flags 0x1");
    assertRefused(3, 19, "frame of 19 bytes");
    assertRefused(0, 1, "frame of 16777240 bytes");
    assertRefused(23, 0x23, "checksum");
  }

  private static void assertRefused(int index, int value, String why) {
    byte[] bytes = HEX.parseHex(PROOF);
    bytes[index] = (byte) value;
    Decoding decoding = new Decoding(true).feed(bytes);
    assertThat(decoding.frame()).isNull();
    assertThat(decoding.thrown()).singleElement().isInstanceOf(BadFrame.class);
    assertThat(decoding.thrown().get(0)).hasMessageContaining(why);
    decoding.close();
  }

  @Test
  void aStrangerMaySendLessThanAFriend() {
    byte[] large =
        Frames.encode(
            FrameType.REQUEST, Request.getDefaultInstance(), Payload.of(new byte[64 << 10]));
    Decoding stranger = new Decoding(false).feed(large);
    assertThat(stranger.frame()).isNull();
    assertThat(stranger.thrown().get(0)).hasMessageContaining("allowed are 20 to 65536");
    stranger.close();
    Decoding friend = new Decoding(true).feed(large);
    assertThat(friend.thrown()).isEmpty();
    friend.close();
  }

  @Test
  void theLargestFrameIsTakenAndNoLargerOneIsMade() {
    byte[] most = new byte[Limits.PAYLOAD_BYTES_MAX];
    HelloProof header =
        HelloProof.newBuilder()
            .setProof(ByteString.copyFrom(new byte[Limits.HEADER_BYTES_MAX - 4]))
            .build();
    assertThat(header.getSerializedSize()).isEqualTo(Limits.HEADER_BYTES_MAX);
    assertThat(FrameFormat.excess(header, Payload.of(most))).isNull();
    byte[] bytes = Frames.encode(FrameType.HELLO_PROOF, header, Payload.of(most));
    assertThat(bytes).hasSize(FrameFormat.BYTES_MAX);
    Decoding decoding = new Decoding(true).feed(bytes);
    assertThat(decoding.frame()).satisfies(frame -> frame.payload().release());
    decoding.close();
    assertThat(FrameFormat.excess(header, Payload.of(new byte[most.length + 1])))
        .contains("payload of 1048577 bytes");
    HelloProof larger =
        HelloProof.newBuilder()
            .setProof(ByteString.copyFrom(new byte[Limits.HEADER_BYTES_MAX]))
            .build();
    assertThat(FrameFormat.excess(larger, Payload.EMPTY)).contains("header of");
  }
}
