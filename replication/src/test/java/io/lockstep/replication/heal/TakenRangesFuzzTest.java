package io.lockstep.replication.heal;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TakenRangesFuzzTest {
  private static final int SPACE = 400;

  @Test
  void rangesAreThoseOfABitmap() {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 400; round++) {
      TakenRanges ranges = new TakenRanges();
      BitSet model = new BitSet(SPACE);
      long sizeMin = 0;
      boolean truncated = false;
      for (int step = 0; step < 40; step++) {
        int from = random.nextInt(SPACE);
        int to = from + random.nextInt(Math.min(60, SPACE - from) + 1);
        switch (random.nextInt(20)) {
          case 0 -> {
            ranges.truncate(from);
            model.set(from, SPACE);
            truncated = true;
          }
          case 1 -> {
            ranges.zero(from, to);
            model.set(from, to);
          }
          case 2 -> {
            ranges.extend(to);
            sizeMin = Math.max(sizeMin, to);
          }
          default -> {
            ranges.add(from, to);
            model.set(from, to);
            sizeMin = from < to ? Math.max(sizeMin, to) : sizeMin;
          }
        }
        check(ranges, model, random);
        assertThat(ranges.isTruncated()).isEqualTo(truncated);
        assertThat(ranges.sizeMin()).isEqualTo(sizeMin);
      }
    }
  }

  private static void check(TakenRanges ranges, BitSet model, Random random) {
    int from = random.nextInt(SPACE);
    int to = from + random.nextInt(SPACE - from + 1);
    BitSet gaps = new BitSet(SPACE);
    long last = -1;
    for (Range gap : ranges.gaps(from, to)) {
      assertThat(gap.from()).isGreaterThan(last).isLessThan(gap.to());
      gaps.set((int) gap.from(), (int) gap.to());
      last = gap.to();
    }
    BitSet expected = new BitSet(SPACE);
    expected.set(from, to);
    expected.andNot(model);
    assertThat(gaps).isEqualTo(expected);
    assertThat(ranges.count()).isEqualTo(runs(model));
  }

  /** Ranges that touch or overlap are one. */
  private static int runs(BitSet model) {
    int runs = 0;
    for (int at = model.nextSetBit(0); at >= 0; at = model.nextSetBit(model.nextClearBit(at))) {
      runs++;
    }
    return runs;
  }
}
