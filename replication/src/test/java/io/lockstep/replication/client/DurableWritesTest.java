package io.lockstep.replication.client;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DurableWritesTest {
  private static final long EPOCH = 1;

  private final DurableWrites writes = new DurableWrites();

  @Test
  void durableWriteSyncsItselfAndWhatWasDoneBeforeIt() {
    writes.onWritten(EPOCH);
    writes.onWrittenDurably(writes.done(), true);
    assertThat(writes.isSynced(true)).isTrue();
    assertThat(writes.onOpenedAnew(EPOCH + 1)).as("something may be gone").isFalse();
  }

  @Test
  void durableWriteWithoutTimesLeavesThem() {
    writes.onWrittenDurably(writes.done(), false);
    assertThat(writes.isSynced(false)).isTrue();
    assertThat(writes.isSynced(true)).isFalse();
  }

  @Test
  void writeThatWasDoneWhileADurableOneWasUnderWayIsNotSynced() {
    long sentAt = writes.done();
    writes.onWritten(EPOCH);
    writes.onWrittenDurably(sentAt, true);
    assertThat(writes.isSynced(false)).isFalse();
    assertThat(writes.onOpenedAnew(EPOCH + 1)).as("something may be gone").isTrue();
  }
}
