package io.lockstep.replication.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.message.SetAttributes;
import java.nio.ByteBuffer;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** What waited for its lease while a file lock of its descriptor was lost is not done. */
class LostLocksTest extends ClientCase {
  private final FakeCluster.Mount mount = cluster.mount();
  private final FileContent file = mount.open(INODE);
  private final Descriptor descriptor = file.newDescriptor(false);

  private void theyWrite(String text) throws Outcome {
    FileContent theirs = cluster.mount().open(INODE);
    write(theirs, theirs.newDescriptor(true), 0, text);
  }

  /** The lease is on its way when the lock is lost. */
  private void assertNotDone(ThrowingCallable call) throws Outcome {
    theyWrite("theirs");
    cluster.time.schedule(FakeCluster.MASTER_DELAY_NS, descriptor::loseLocks);
    assertFails(ErrorCode.IO_ERROR, call);
    cluster.time.pass(SECOND_NS);
    assertThat(onMember(1)).isEqualTo("theirs");
    assertThat(file.attributes(cluster.attributes(INODE)).getSize()).isEqualTo(6);
    cluster.time.pass(10 * SECOND_NS);
    cluster.checkAtRest(INODE);
    assertThat(cluster.lockd.heldCount()).isZero();
  }

  @Test
  void bufferedWriteIsNotDone() throws Outcome {
    assertNotDone(() -> write(file, descriptor, 0, "late"));
  }

  @Test
  void directWriteIsNotDone() throws Outcome {
    ByteBuffer late = ByteBuffer.wrap("late".getBytes(UTF_8));
    assertNotDone(() -> file.write(0, late, true, descriptor));
  }

  @Test
  void allocateIsNotDone() throws Outcome {
    assertNotDone(() -> file.allocate(0, 100, false, false, false, descriptor));
  }

  @Test
  void resizeIsNotDone() throws Outcome {
    SetAttributes cut = SetAttributes.newBuilder().setInode(INODE).setSize(2).build();
    assertNotDone(() -> file.setAttributes(cut, descriptor));
  }

  @Test
  void writeOfFormerLocksIsNotDoneUnderNewOnes() throws Outcome {
    theyWrite("theirs");
    cluster.time.schedule(
        FakeCluster.MASTER_DELAY_NS,
        () -> {
          descriptor.loseLocks();
          // By another thread of the application, which locks again.
          assertThat(descriptor.takeLostLocks()).isTrue();
        });
    assertFails(ErrorCode.IO_ERROR, () -> write(file, descriptor, 0, "late"));
    write(file, descriptor, 0, "anew");
    file.flush(descriptor);
    assertThat(onMember(2)).isEqualTo("anewrs");
  }

  @Test
  void nothingIsWrittenUnderAHeldLeaseUntilTheLossIsKnown() throws Outcome {
    Descriptor other = file.newDescriptor(false);
    write(file, descriptor, 0, "held");
    descriptor.loseLocks();
    assertThat(descriptor.hasLostLocks()).isTrue();
    assertFails(ErrorCode.IO_ERROR, () -> write(file, descriptor, 0, "late"));
    assertFails(ErrorCode.IO_ERROR, () -> write(file, descriptor, 0, "late"));
    write(file, other, 4, "!");
    assertThat(descriptor.takeLostLocks()).isTrue();
    assertThat(descriptor.takeLostLocks()).isFalse();
    write(file, descriptor, 5, "!");
    file.flush(descriptor);
    assertThat(onMember(3)).isEqualTo("held!!");
  }
}
