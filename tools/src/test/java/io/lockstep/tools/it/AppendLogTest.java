package io.lockstep.tools.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** The checker of append logs sees each way in which a log can be wrong. */
class AppendLogTest {
  private static final int RECORDS = 20;

  private static byte[] log(int... writers) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int[] next = new int[10];
    for (int writer : writers) {
      out.writeBytes(AppendLog.record(writer, next[writer]++));
    }
    return out.toByteArray();
  }

  private static byte[] good() {
    int[] writers = new int[2 * RECORDS];
    for (int i = 0; i < writers.length; i++) {
      writers[i] = i * 7 / 3 % 2;
    }
    Arrays.sort(writers, 5, 15);
    return log(balanced(writers));
  }

  private static int[] balanced(int[] writers) {
    long ones = Arrays.stream(writers).filter(w -> w == 1).count();
    for (int i = 0; ones != RECORDS; i++) {
      if (writers[i] == (ones > RECORDS ? 1 : 0)) {
        writers[i] ^= 1;
        ones += writers[i] == 1 ? 1 : -1;
      }
    }
    return writers;
  }

  @Test
  void goodLogHasNoFlaw() {
    assertThat(AppendLog.flaws(good(), 2, RECORDS)).isEmpty();
  }

  @Test
  void lostRecordIsSeenWhereverItWas() {
    byte[] log = good();
    int start = 0;
    for (int i = 0; i < log.length; i++) {
      if (log[i] == '\n') {
        byte[] without = Arrays.copyOf(log, log.length - (i + 1 - start));
        System.arraycopy(log, i + 1, without, start, log.length - i - 1);
        assertThat(AppendLog.flaws(without, 2, RECORDS)).as("without " + start).isNotEmpty();
        start = i + 1;
      }
    }
  }

  @Test
  void recordWrittenOverAnotherIsSeen() {
    byte[] log = good();
    byte[] other = AppendLog.record(1, RECORDS - 1);
    for (int at = 0; at + other.length <= log.length; at += 13) {
      byte[] torn = log.clone();
      System.arraycopy(other, 0, torn, at, other.length);
      if (!Arrays.equals(torn, log)) {
        assertThat(AppendLog.flaws(torn, 2, RECORDS)).as("over " + at).isNotEmpty();
      }
    }
  }

  @Test
  void holeCutAndRepetitionAreSeen() {
    byte[] log = good();
    byte[] hole = log.clone();
    Arrays.fill(hole, 100, 110, (byte) 0);
    assertThat(AppendLog.prefixFlaws(hole)).isNotEmpty();
    assertThat(AppendLog.prefixFlaws(Arrays.copyOf(log, log.length - 1))).isNotEmpty();
    assertThat(AppendLog.prefixFlaws(Arrays.copyOf(log, log.length + 1))).isNotEmpty();
    byte[] twice = Arrays.copyOf(log, 2 * log.length);
    System.arraycopy(log, 0, twice, log.length, log.length);
    assertThat(AppendLog.prefixFlaws(twice)).isNotEmpty();
    assertThat(AppendLog.prefixFlaws(log(1, 0, 0, 1))).isEmpty();
  }
}
