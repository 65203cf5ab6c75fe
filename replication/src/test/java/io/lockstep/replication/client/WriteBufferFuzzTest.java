package io.lockstep.replication.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.Token;
import io.lockstep.wire.message.Attributes;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** {@link WriteBuffer} and a member, against one array: reads see all, the member gets all. */
class WriteBufferFuzzTest {
  private static final int RUNS = 150;
  private static final int STEPS = 300;
  private static final int RANGE = 3 << 20;

  private static final class Run {
    final Random random;
    final WriteBuffer buffer = new WriteBuffer();
    final byte[] oracle = new byte[RANGE];
    final byte[] member = new byte[RANGE];
    final List<Extent> inFlight = new ArrayList<>();
    long size;
    long buffered;

    Run(long seed) {
      random = new Random(seed);
      buffer.granted(Attributes.getDefaultInstance(), new Token(1, 1), true);
      buffer.open();
    }

    void run() {
      for (int i = 0; i < STEPS; i++) {
        int dice = random.nextInt(10);
        if (dice < 5) {
          write();
        } else if (dice < 7) {
          take(random.nextInt(3) == 0 ? Long.MAX_VALUE : random.nextInt(STEPS));
        } else if (dice < 9) {
          land();
        } else {
          read();
        }
      }
      while (!buffer.isEmpty()) {
        take(Long.MAX_VALUE);
        land();
      }
      assertThat(buffer.isReceived(buffer.lastWrite())).isTrue();
      assertThat(buffer.closeIfEmpty()).isTrue();
      assertThat(buffer.tryWrite(0, ByteBuffer.allocate(1), 1)).isNull();
      assertThat(buffered).isZero();
      assertThat(Arrays.equals(member, oracle)).isTrue();
    }

    private int length() {
      return 1 + (random.nextInt(8) == 0 ? random.nextInt(300_000) : random.nextInt(5_000));
    }

    private void write() {
      byte[] bytes = new byte[length()];
      random.nextBytes(bytes);
      int base = random.nextBoolean() ? (1 << 20) - 3_000 : random.nextInt(RANGE);
      long offset = random.nextInt(4) == 0 && size < RANGE / 2 ? -1 : base + random.nextInt(6_000);
      offset = Math.min(offset, RANGE - bytes.length);
      WriteBuffer.Written written = buffer.tryWrite(offset, ByteBuffer.wrap(bytes), 1);
      assertThat(written.offset()).isEqualTo(offset < 0 ? size : offset);
      System.arraycopy(bytes, 0, oracle, (int) written.offset(), bytes.length);
      size = Math.max(size, written.offset() + bytes.length);
      buffered += written.grownBytes();
      assertThat(buffer.size()).isEqualTo(size);
    }

    private void take(long upTo) {
      Extent extent = buffer.takeNext(upTo);
      if (extent != null) {
        for (Extent other : inFlight) {
          assertThat(other.offset < extent.end() && extent.offset < other.end())
              .as("overlapping requests in flight")
              .isFalse();
        }
        assertThat(extent.length()).isBetween(1, 1 << 20);
        inFlight.add(extent);
      }
    }

    private void land() {
      if (!inFlight.isEmpty()) {
        Extent extent = inFlight.remove(random.nextInt(inFlight.size()));
        extent.view(extent.offset, extent.end()).get(member, (int) extent.offset, extent.length());
        buffered -= extent.capacity();
        buffer.flushed(extent);
      }
    }

    private void read() {
      int offset = random.nextInt(RANGE);
      byte[] target = new byte[Math.min(length(), RANGE - offset)];
      ByteBuffer direct = ByteBuffer.allocate(target.length);
      int count = buffer.tryRead(offset, direct);
      int expected = (int) Math.max(0, Math.min(target.length, size - offset));
      if (count >= 0) {
        assertThat(count).isEqualTo(expected);
        assertThat(Arrays.equals(direct.array(), 0, count, oracle, offset, offset + count))
            .isTrue();
      }
      for (Gaps.Gap gap : buffer.overlay(offset, target).missing()) {
        System.arraycopy(
            member, (int) gap.offset(), target, (int) gap.offset() - offset, gap.length());
      }
      assertThat(Arrays.equals(target, 0, expected, oracle, offset, offset + expected)).isTrue();
    }
  }

  @Test
  void whatIsWrittenIsReadAndArrives() {
    long seed = Long.getLong("seed", 20_260_104L);
    System.out.println("WriteBufferFuzzTest -Dseed=" + seed);
    for (int i = 0; i < RUNS; i++) {
      try {
        new Run(seed + i).run();
      } catch (AssertionError e) {
        throw new AssertionError("seed " + (seed + i), e);
      }
    }
  }
}
