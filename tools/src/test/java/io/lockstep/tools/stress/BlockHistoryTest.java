package io.lockstep.tools.stress;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

class BlockHistoryTest {
  private static final Stamp A = new Stamp(1, 1, 0);
  private static final Stamp B = new Stamp(2, 1, 0);
  private static final Stamp NONE = Stamp.none(0);

  private final BlockHistory history = new BlockHistory(0);

  private String read(Stamp found) {
    return history.endRead(history.beginRead(), found);
  }

  @Test
  void lastWriteIsRead() {
    assertThat(read(NONE)).isNull();
    history.endWrite(history.beginWrite(A));
    assertThat(read(A)).isNull();
    assertThat(read(NONE)).contains("expected one of");
    history.endWrite(history.beginWrite(B));
    assertThat(read(A)).contains("expected one of");
  }

  @Test
  void eitherOfTwoWritesThatOverlappedIsRead() {
    BlockHistory.Write a = history.beginWrite(A);
    BlockHistory.Write b = history.beginWrite(B);
    history.endWrite(a);
    assertThat(read(A)).isNull();
    history.endWrite(b);
    assertThat(read(A)).isNull();
    assertThat(read(B)).isNull();
    assertThat(read(NONE)).isNotNull();
  }

  @Test
  void writeThatBeginsDuringTheReadMayBeRead() {
    BlockHistory.Read read = history.beginRead();
    history.endWrite(history.beginWrite(A));
    history.endWrite(history.beginWrite(B));
    assertThat(history.endRead(read, A)).isNull();
  }

  @Test
  void writeThatFailedMayBeReadForEver() {
    history.beginWrite(A);
    history.endWrite(history.beginWrite(B));
    assertThat(read(A)).isNull();
    assertThat(read(B)).isNull();
  }

  @Test
  void damageIsForgivenOnlyBesideAWrite() {
    assertThat(read(null)).isEqualTo("is damaged");
    BlockHistory.Write a = history.beginWrite(A);
    assertThat(read(null)).isNull();
    history.endWrite(a);
    assertThat(read(null)).isEqualTo("is damaged");
  }

  @Test
  void stampReadsWhatItWrote() {
    ByteBuffer block = ByteBuffer.allocate(Stamp.BLOCK_BYTES);
    B.write(block);
    assertThat(Stamp.read(block, 0)).isEqualTo(B);
    block.put(100, (byte) (block.get(100) ^ 1));
    assertThat(Stamp.read(block, 0)).isNull();
    assertThat(Stamp.read(ByteBuffer.allocate(0), 7)).isEqualTo(Stamp.none(7));
  }
}
