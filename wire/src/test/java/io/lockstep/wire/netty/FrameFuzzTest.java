package io.lockstep.wire.netty;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import io.lockstep.wire.Payload;
import io.lockstep.wire.message.Hello;
import io.lockstep.wire.message.HelloProof;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Any bytes: what is a frame comes through whole, anything else is one BadFrame and no leak. */
class FrameFuzzTest {
  private static final int ROUNDS = 1_000;
  private final long seed = Long.getLong("seed", System.nanoTime());
  private final Random random = new Random(seed);
  private long allocated;

  @BeforeEach
  void count() {
    System.out.println("FrameFuzzTest -Dseed=" + seed);
    allocated = Loopback.activeAllocations();
  }

  @AfterEach
  void nothingLeaks() {
    assertThat(Loopback.activeAllocations()).isEqualTo(allocated);
  }

  @SuppressWarnings("ArrayRecordComponent")
  private record Sent(FrameType type, MessageLite message, byte[] payload) {}

  @Test
  void framesSurviveAnySegmentation() {
    for (int round = 0; round < ROUNDS / 20; round++) {
      Deque<Sent> sent = new ArrayDeque<>();
      ByteArrayOutputStream stream = new ByteArrayOutputStream();
      for (int i = random.nextInt(8); i >= 0; i--) {
        Sent frame = randomFrame(1 << random.nextInt(18));
        sent.add(frame);
        stream.writeBytes(encode(frame));
      }
      byte[] bytes = stream.toByteArray();
      Decoding decoding = new Decoding(true);
      int segmentMax = 1 + 2 * bytes.length / (1 + random.nextInt(100));
      for (int at = 0; at < bytes.length; ) {
        int count = Math.min(bytes.length - at, 1 + random.nextInt(segmentMax));
        decoding.feed(bytes, at, count);
        at += count;
      }
      for (Sent expected : sent) {
        InboundFrame frame = decoding.frame();
        assertThat(frame.type()).isEqualTo(expected.type());
        assertThat(frame.message()).isEqualTo(expected.message());
        assertThat(frame.payload().toByteArray()).isEqualTo(expected.payload());
        frame.payload().release();
      }
      assertThat(decoding.frame()).isNull();
      assertThat(decoding.thrown()).isEmpty();
      decoding.close();
    }
  }

  @Test
  void aDamagedStreamEndsInOneBadFrame() {
    for (int round = 0; round < ROUNDS; round++) {
      byte[] good = encode(randomFrame(1 << random.nextInt(14)));
      byte[] bad = damaged(encode(randomFrame(1 << random.nextInt(14))));
      Decoding decoding = new Decoding(random.nextBoolean());
      decoding.feed(good);
      InboundFrame first = decoding.frame();
      assertThat(first).isNotNull();
      first.payload().release();
      for (int at = 0; at < bad.length; ) {
        int count = Math.min(bad.length - at, 1 + random.nextInt(bad.length));
        decoding.feed(bad, at, count);
        at += count;
      }
      assertThat(decoding.frame()).as("a damaged frame was taken").isNull();
      assertThat(decoding.thrown()).hasSizeLessThanOrEqualTo(1);
      assertThat(decoding.thrown()).allMatch(BadFrame.class::isInstance);
      decoding.close();
    }
  }

  @Test
  void garbageEndsInOneBadFrame() {
    for (int round = 0; round < ROUNDS; round++) {
      byte[] bytes = new byte[FrameFormat.PREFIX_BYTES + random.nextInt(4096)];
      random.nextBytes(bytes);
      Decoding decoding = new Decoding(random.nextBoolean());
      decoding.feed(bytes).feed(bytes);
      assertThat(decoding.frame()).isNull();
      assertThat(decoding.thrown()).hasSize(1).allMatch(BadFrame.class::isInstance);
      decoding.close();
    }
  }

  @Test
  void aValidChecksumOverNonsenseIsABadFrame() {
    for (int round = 0; round < ROUNDS; round++) {
      byte[] nonsense = new byte[1 + random.nextInt(200)];
      random.nextBytes(nonsense);
      // A payload of the writer becomes the header once its length field says so.
      byte[] bytes = Frames.encode(randomType(), Hello.getDefaultInstance(), Payload.of(nonsense));
      ByteBuffer.wrap(bytes).putInt(8, nonsense.length);
      checksum(bytes);
      Decoding decoding = new Decoding(true);
      decoding.feed(bytes);
      InboundFrame frame = decoding.frame();
      if (frame == null) {
        assertThat(decoding.thrown()).hasSize(1).allMatch(BadFrame.class::isInstance);
      } else {
        frame.payload().release(); // By chance a message of unknown fields.
      }
      decoding.close();
    }
  }

  private Sent randomFrame(int payloadMax) {
    byte[] payload = new byte[random.nextInt(payloadMax)];
    random.nextBytes(payload);
    FrameType type = randomType();
    byte[] some = new byte[random.nextInt(64)];
    random.nextBytes(some);
    MessageLite message =
        switch (type) {
          case REQUEST -> Request.newBuilder().setCall(random.nextLong()).build();
          case REPLY -> Reply.newBuilder().setCall(random.nextLong()).setCode(5).build();
          default -> HelloProof.newBuilder().setProof(ByteString.copyFrom(some)).build();
        };
    return new Sent(
        type == FrameType.REQUEST || type == FrameType.REPLY ? type : FrameType.HELLO_PROOF,
        message,
        payload);
  }

  private FrameType randomType() {
    return FrameType.ofNumber(1 + random.nextInt(FrameType.values().length));
  }

  private byte[] encode(Sent frame) {
    Payload payload = Payload.of(frame.payload());
    if (random.nextBoolean() && frame.payload().length > 0) {
      ByteBufPayload direct = ByteBufPayload.allocate(frame.payload().length);
      direct.target().put(frame.payload());
      payload = direct;
    }
    return Frames.encode(frame.type(), frame.message(), payload);
  }

  /** A bit flipped, a byte lost with another frame behind, or with another length. */
  private byte[] damaged(byte[] frame) {
    switch (random.nextInt(3)) {
      case 0 -> {
        frame[random.nextInt(frame.length)] ^= (byte) (1 << random.nextInt(8));
        return frame;
      }
      case 1 -> {
        int lost = random.nextInt(frame.length - FrameFormat.CHECKSUM_BYTES);
        byte[] twice = new byte[2 * frame.length - 1];
        System.arraycopy(frame, 0, twice, 0, lost);
        System.arraycopy(frame, lost + 1, twice, lost, frame.length - lost - 1);
        System.arraycopy(frame, 0, twice, frame.length - 1, frame.length);
        return twice;
      }
      default -> {
        int change = 1 + random.nextInt(1 << random.nextInt(30));
        int field = random.nextBoolean() ? 0 : 8;
        ByteBuffer buffer = ByteBuffer.wrap(frame);
        buffer.putInt(field, buffer.getInt(field) + (random.nextBoolean() ? change : -change));
        return frame;
      }
    }
  }

  private static void checksum(byte[] frame) {
    CRC32C crc = new CRC32C();
    crc.update(frame, 0, frame.length - FrameFormat.CHECKSUM_BYTES);
    ByteBuffer.wrap(frame).putInt(frame.length - FrameFormat.CHECKSUM_BYTES, (int) crc.getValue());
  }
}
