package io.lockstep.replication.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.Limits;
import org.junit.jupiter.api.Test;

/** Who is told of a loss, and how often. */
class DescriptorTest {
  private static final int MEBIBYTE = Limits.PAYLOAD_BYTES_MAX;

  private final Descriptor descriptor = new Descriptor(false, 5);

  @Test
  void lossBeforeTheOpenIsNotTold() {
    assertThat(descriptor.takeLossBeforeWrite(5, 0)).isFalse();
    assertThat(descriptor.takeLoss(5)).isFalse();
  }

  @Test
  void eachLossIsToldOnce() {
    assertThat(descriptor.takeLossBeforeWrite(6, 0)).isTrue();
    assertThat(descriptor.takeLossBeforeWrite(6, 0)).isFalse();
    assertThat(descriptor.takeLoss(6)).isFalse();
    assertThat(descriptor.takeLoss(7)).isTrue();
    assertThat(descriptor.takeLossBeforeWrite(7, 0)).isFalse();
  }

  @Test
  void writeOfRecordsIsToldOnce() {
    descriptor.wrote(300, 100);
    assertThat(descriptor.takeLossBeforeWrite(6, 300)).isTrue();
    assertThat(descriptor.takeLossBeforeWrite(6, 300)).isFalse();
    descriptor.wrote(400, 100);
    assertThat(descriptor.takeLossBeforeWrite(7, -1)).isTrue();
    assertThat(descriptor.takeLoss(7)).isFalse();
  }

  /** write(2) of 4 MiB answers with the 1 MiB before the error; whoever asks next must hear it. */
  @Test
  void lossToldToALaterPieceOfAWriteIsToldAgain() {
    descriptor.wrote(100 + MEBIBYTE, MEBIBYTE);
    assertThat(descriptor.takeLossBeforeWrite(6, 100 + MEBIBYTE)).isTrue();
    assertThat(descriptor.takeLossBeforeWrite(6, 100 + MEBIBYTE)).isTrue();
    assertThat(descriptor.takeLossBeforeWrite(6, 100 + MEBIBYTE)).isFalse();
    assertThat(descriptor.takeLoss(6)).isFalse();
  }

  @Test
  void lossToldAtThePagesEndIsToldByTheNextFsync() {
    descriptor.wrote(8192, 92);
    assertThat(descriptor.takeLossBeforeWrite(6, 8192)).isTrue();
    assertThat(descriptor.takeLoss(6)).isTrue();
    assertThat(descriptor.takeLoss(6)).isFalse();
  }

  @Test
  void lossToldToALaterPieceOfAnAppendIsToldAgain() {
    descriptor.wrote(77 + MEBIBYTE, MEBIBYTE);
    assertThat(descriptor.takeLossBeforeWrite(6, -1)).isTrue();
    assertThat(descriptor.takeLoss(6)).isTrue();
  }

  @Test
  void writeElsewhereIsNoPiece() {
    descriptor.wrote(4096, 4096);
    assertThat(descriptor.takeLossBeforeWrite(6, 8192)).isTrue();
    assertThat(descriptor.takeLoss(6)).isFalse();
  }
}
