package io.lockstep.fs.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.Clock;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class KernelSizesTest {
  private static final long NODE = 7;

  private final AtomicLong nowNs = new AtomicLong(TimeUnit.HOURS.toNanos(1));
  private final KernelSizes sizes =
      new KernelSizes(
          new Clock() {
            @Override
            public long nowNs() {
              return nowNs.get();
            }

            @Override
            public long wallTimeNs() {
              return nowNs.get();
            }
          });

  private boolean mayIgnore(long size) {
    return sizes.mayIgnore(NODE, size, nowNs.get());
  }

  private void passSecond() {
    nowNs.addAndGet(TimeUnit.SECONDS.toNanos(1));
  }

  @Test
  void answerAboutAFileThatNobodyWritesHereIsTaken() {
    long askedNs = nowNs.get();
    nowNs.incrementAndGet();
    assertThat(sizes.mayIgnore(NODE, 100, askedNs)).isFalse();
    sizes.told(NODE, 100);
    assertThat(mayIgnore(100)).isFalse();
  }

  @Test
  void answerBesideAWriteMayBeIgnored() {
    sizes.writeBegins(NODE);
    assertThat(mayIgnore(100)).isTrue();
    sizes.raised(NODE, 100);
    assertThat(mayIgnore(100)).isFalse();
    assertThat(mayIgnore(101)).isTrue();
  }

  @Test
  void answerSoonAfterAWriteMayBeIgnored() {
    sizes.writeBegins(NODE);
    sizes.writeEnded(NODE, 50);
    assertThat(mayIgnore(50)).as("the kernel wrote so far itself").isFalse();
    assertThat(mayIgnore(51)).isTrue();
    passSecond();
    assertThat(mayIgnore(51)).isFalse();
  }

  @Test
  void answerThatTookLongMayBeIgnoredForWhatChangedMeanwhile() {
    long askedNs = nowNs.get();
    sizes.writeBegins(NODE);
    sizes.writeEnded(NODE, 50);
    passSecond();
    passSecond();
    assertThat(mayIgnore(51)).isFalse();
    assertThat(sizes.mayIgnore(NODE, 51, askedNs)).isTrue();
  }

  @Test
  void appendsLeaveTheSizeUnknown() {
    sizes.writeBegins(NODE);
    sizes.writeEnded(NODE, 0);
    assertThat(mayIgnore(1)).isTrue();
  }

  @Test
  void answerBesideAnotherWithAnotherSizeMayBeIgnored() {
    assertThat(mayIgnore(10)).isFalse();
    sizes.told(NODE, 10);
    sizes.told(NODE, 20);
    assertThat(mayIgnore(20)).isTrue();
  }

  @Test
  void fileThatBecameShorterIsNoLongerKnownToBeLong() {
    sizes.writeBegins(NODE);
    sizes.writeEnded(NODE, 100);
    sizes.told(NODE, 0);
    assertThat(mayIgnore(60)).isTrue();
  }

  @Test
  void manyFilesThatWereWrittenLongAgoAreForgotten() {
    for (long node = 1; node < 20_000; node++) {
      sizes.writeBegins(node);
      sizes.writeEnded(node, 10);
      if (node % 1000 == 0) {
        passSecond();
      }
    }
    assertThat(sizes.count()).isLessThan(8192);
  }
}
