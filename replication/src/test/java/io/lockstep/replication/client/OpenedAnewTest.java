package io.lockstep.replication.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Outcome;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Facts about {@link ReplicationClient} when every member in step has lost power: what they had
 * received and not synced is gone, and a sync of their next runs says nothing about it.
 */
class OpenedAnewTest {
  private static final long INODE = 1000;
  private static final long SECOND_NS = TimeUnit.SECONDS.toNanos(1);

  private final FakeCluster cluster = new FakeCluster();
  private final FakeCluster.Mount mount = cluster.mount();
  private final FileContent file = mount.open(INODE);
  private final Descriptor descriptor = file.newDescriptor(false);
  private final Descriptor other = file.newDescriptor(false);

  @AfterEach
  void close() {
    cluster.close();
  }

  private void write(String text, boolean sync) throws Outcome {
    file.write(0, ByteBuffer.wrap(text.getBytes(UTF_8)), sync, descriptor);
  }

  private static void assertFails(ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            Outcome.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.IO_ERROR));
  }

  @Test
  void fsyncDoesNotAnswerForWhatWasOnlyReceived() throws Outcome {
    write("gone", false);
    file.flush(descriptor);
    cluster.openAnew();
    assertFails(() -> file.fsync(descriptor, true));
    assertThatCode(() -> file.fsync(descriptor, true)).doesNotThrowAnyException();
    assertThat(cluster.member(1).object(INODE).bytes).isEmpty();
  }

  @Test
  void sizeIsTheMembersAgainAndTheLeaseEndsUnclean() throws Outcome {
    write("gone", false);
    file.flush(descriptor);
    cluster.openAnew();
    cluster.time.pass(3 * SECOND_NS);
    assertThat(cluster.lockd.uncleanEnds).isEqualTo(1);
    assertThat(file.read(0, ByteBuffer.allocate(10))).isZero();
    cluster.checkAtRest(INODE);
  }

  @Test
  void whatWasSyncedIsNotTakenForLost() throws Outcome {
    write("kept", false);
    file.fsync(descriptor, true);
    cluster.openAnew();
    assertThatCode(() -> file.fsync(descriptor, true)).doesNotThrowAnyException();
    write("too", true);
    cluster.openAnew();
    cluster.time.pass(3 * SECOND_NS);
    assertThatCode(() -> file.fsync(descriptor, true)).doesNotThrowAnyException();
  }

  @Test
  void aMemberInStepThatRunsOnKeepsWhatWasReceived() throws Outcome {
    write("kept", false);
    file.flush(descriptor);
    cluster.setMode(2, MemberMode.ERR);
    cluster.setMode(3, MemberMode.WO);
    cluster.setMode(3, MemberMode.RW);
    assertThatCode(() -> file.fsync(descriptor, true)).doesNotThrowAnyException();
  }

  @Test
  void pagesOfBytesThatOthersLostAreDropped() throws Outcome {
    FileContent reader = cluster.mount().open(INODE);
    int[] drops = {0};
    cluster
        .mounts
        .get(1)
        .client
        .cacheDropper(
            (inode, waiting, dropped) -> {
              drops[0]++;
              dropped.run();
            });
    reader.read(0, ByteBuffer.allocate(10));
    cluster.openAnew();
    cluster.time.pass(2 * SECOND_NS);
    assertThat(drops[0]).isEqualTo(1);
  }

  /** Members received it after they had synced the write of the fsync. */
  @Test
  void fsyncDoesNotAnswerForWhatWasDoneWhileAnotherOneWasUnderWay() throws Outcome {
    cluster.members.forEach(member -> member.answerDelayNs = 10 * FakeMember.DELAY_NS);
    write("synced", false);
    cluster.time.schedule(
        5 * FakeMember.DELAY_NS + 2 * FakeCluster.MASTER_DELAY_NS,
        () -> {
          // A whole request, so it is sent at once; and answered before the one before it.
          assertThat(cluster.member(1).object(INODE).synced).as("the fsync is under way").isTrue();
          cluster.members.forEach(member -> member.answerDelayNs = 0);
          byte[] whole = new byte[Limits.PAYLOAD_BYTES_MAX];
          assertThatCode(
                  () -> file.write(Limits.PAYLOAD_BYTES_MAX, ByteBuffer.wrap(whole), false, other))
              .doesNotThrowAnyException();
        });
    file.fsync(descriptor, true);
    assertThat(cluster.member(1).object(INODE).bytes).hasSize(2 * Limits.PAYLOAD_BYTES_MAX);
    file.fsync(other, true);
    assertThat(cluster.members).allMatch(member -> member.object(INODE).synced);
  }
}
