package io.lockstep.replication.marks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.core.Token;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class MarksFormatTest {
  private static final ObjectMarks FULL =
      new ObjectMarks(
          new Token(4, 2),
          new DirtyMark(new Token(4, 1), 7, 0),
          new TreeMap<>(Map.of(3, new Pending(9, 5), 2, new Pending(8, 4))),
          9,
          false,
          Copy.HALF,
          true,
          0x1234);

  private static final String FULL_BYTES =
      "01" // version
          + "0e" // present, healing, dirty
          + "0000000000000004" // newest
          + "0000000000000002"
          + "0000000000000009" // versions
          + "0000000000001234" // size
          + "0000000000000004" // dirty token
          + "0000000000000001"
          + "0000000000000007" // cycle
          + "00000000" // layer
          + "02" // pending
          + "00000002"
          + "0000000000000008"
          + "0000000000000004"
          + "00000003"
          + "0000000000000009"
          + "0000000000000005";

  @Test
  void bytesAreTheDocumentedOnes() throws Outcome {
    assertThat(HexFormat.of().formatHex(MarksFormat.encode(FULL))).isEqualTo(FULL_BYTES);
    assertThat(MarksFormat.decode(HexFormat.of().parseHex(FULL_BYTES))).isEqualTo(FULL);
    assertThat(HexFormat.of().formatHex(MarksFormat.encode(ObjectMarks.NONE)))
        .isEqualTo("01" + "00" + "00".repeat(32) + "00");
    ObjectMarks lost = ObjectMarks.NONE.withCopy(Copy.LOST);
    assertThat(HexFormat.of().formatHex(MarksFormat.encode(lost)))
        .isEqualTo("01" + "14" + "00".repeat(32) + "00");
    assertThat(MarksFormat.decode(MarksFormat.encode(lost))).isEqualTo(lost);
  }

  @Test
  void otherVersionAndCutBytesAreRefused() {
    byte[] bytes = MarksFormat.encode(FULL);
    byte[] newer = bytes.clone();
    newer[0] = 2;
    assertThatThrownBy(() -> MarksFormat.decode(newer))
        .isInstanceOfSatisfying(
            Outcome.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.WRONG_VERSION));
    for (int length = 0; length < bytes.length; length++) {
      byte[] cut = Arrays.copyOf(bytes, length);
      assertThatThrownBy(() -> MarksFormat.decode(cut)).isInstanceOf(Outcome.class);
    }
  }

  @Test
  void randomBytesAreRefusedOrReadButNeverBreak() {
    Random random = new Random(7);
    for (int i = 0; i < 20_000; i++) {
      byte[] bytes = MarksFormat.encode(FULL);
      bytes[1 + random.nextInt(bytes.length - 1)] ^= (byte) (1 << random.nextInt(8));
      try {
        assertThat(MarksFormat.decode(bytes)).isNotNull();
      } catch (Outcome e) {
        assertThat(e.code()).isEqualTo(ErrorCode.CORRUPT);
      }
    }
  }
}
