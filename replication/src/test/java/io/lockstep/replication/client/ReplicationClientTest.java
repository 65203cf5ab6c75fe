package io.lockstep.replication.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Caller;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetAttributes;
import io.lockstep.wire.message.Timestamp;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What a {@link ReplicationClient} writes, when it is acknowledged, and what is durable then. */
class ReplicationClientTest extends ClientCase {
  @Test
  void bufferedWriteIsReadBackBeforeAnyMemberHasIt() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "hello world");
    assertThat(onMember(1)).isEmpty();
    assertThat(read(file, 6, 100)).isEqualTo("world");
    assertThat(read(file, 11, 100)).isEmpty();
    assertThat(file.attributes(cluster.attributes(INODE)).getSize()).isEqualTo(11);
  }

  @Test
  void ageSendsTheBufferAndThePostOpClearsTheMark() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    write(file, file.newDescriptor(false), 0, "hello");
    cluster.time.pass(SECOND_NS / 2);
    assertThat(onMember(3)).isEqualTo("hello");
    assertThat(cluster.member(3).object(INODE).isDirty()).isTrue();
    cluster.time.pass(3 * SECOND_NS);
    cluster.checkAtRest(INODE);
    assertThat(cluster.lockd.heldCount()).isEqualTo(1);
    cluster.time.pass(6 * SECOND_NS);
    assertThat(cluster.lockd.heldCount()).isZero();
  }

  @Test
  void flushMeansReceivedByAllMembers() throws Outcome {
    Opened file = open(cluster.mount());
    file.write(0, "hello");
    file.flush();
    assertThat(onMember(1)).isEqualTo("hello");
    assertThat(onMember(2)).isEqualTo("hello");
    assertThat(onMember(3)).isEqualTo("hello");
  }

  @Test
  void fsyncMeansDurableWithSizeAndTimesWhereTheyAreSettledFrom() throws Outcome {
    Opened file = open(cluster.mount());
    file.write(0, "hello");
    file.fsync();
    for (FakeMember member : cluster.members) {
      assertThat(member.object(INODE).timesSynced).isTrue();
      assertThat(member.object(INODE).isDirty()).as("settling takes size and times").isTrue();
    }
    assertThat(cluster.requests).doesNotContainKey(Request.BodyCase.REFRESH_INODES);
    // The mark goes after the master has heard, which each member here checks.
    cluster.time.pass(5 * SECOND_NS);
    assertThat(cluster.member(1).object(INODE).isDirty()).isFalse();
    assertThat(cluster.attributes(INODE).getSize()).isEqualTo(5);
  }

  @Test
  void fdatasyncLeavesTheTimesForLaterAndFsyncBringsThem() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "hello");
    file.fsync(descriptor, false);
    assertThat(cluster.member(2).object(INODE).synced).isTrue();
    assertThat(cluster.member(2).object(INODE).timesSynced).isFalse();
    file.fsync(descriptor, true);
    assertThat(cluster.member(2).object(INODE).timesSynced).isTrue();
    int messages = cluster.member(2).log.size();
    file.fsync(descriptor, true);
    assertThat(cluster.member(2).log).as("nothing is left to do").hasSize(messages);
  }

  @Test
  void timesThatAnApplicationChoseAreWithTheMasterAfterFsync() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "hello");
    Timestamp chosen = Timestamp.newBuilder().setSeconds(123).build();
    assertThat(
            file.trySetTimes(SetAttributes.newBuilder().setInode(INODE).setMtime(chosen).build()))
        .isTrue();
    file.fsync(descriptor, true);
    assertThat(cluster.attributes(INODE).getMtime()).isEqualTo(chosen);
    assertThat(cluster.member(1).object(INODE).timesSynced).isTrue();
  }

  @Test
  void fsyncsOfAFileThatIsWrittenAllTheTimeTellChosenTimesOnce() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "hello");
    SetAttributes.Builder set = SetAttributes.newBuilder().setInode(INODE);
    file.trySetTimes(set.setMtime(Timestamp.newBuilder().setSeconds(123)).build());
    for (int i = 0; i < 5; i++) {
      // While the master hears of the times, or the members sync.
      String text = "again " + i;
      cluster.time.schedule(
          FakeCluster.MASTER_DELAY_NS,
          () -> assertThatCode(() -> write(file, descriptor, 0, text)).doesNotThrowAnyException());
      file.fsync(descriptor, true);
      write(file, descriptor, 10, text);
    }
    assertThat(cluster.requests).containsEntry(Request.BodyCase.REFRESH_INODES, 1);
  }

  @Test
  void timesSetBehindAWriteAreTheHoldersAndToldBeforeTheLeaseGoes() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    SetAttributes set =
        SetAttributes.newBuilder()
            .setInode(INODE)
            .setMtime(Timestamp.newBuilder().setSeconds(123))
            .setAtimeNow(true)
            .build();
    assertThat(file.trySetTimes(set)).as("nothing is held").isFalse();
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "text");
    assertThat(file.trySetTimes(set.toBuilder().setMode(0600).build())).isFalse();
    assertThat(file.trySetTimes(set)).isTrue();
    assertThat(file.attributes(cluster.attributes(INODE)).getMtime().getSeconds()).isEqualTo(123);
    file.flush(descriptor);
    assertThat(file.attributes(cluster.attributes(INODE)).getMtime().getSeconds()).isEqualTo(123);
    // Another client wants the file.
    FileContent theirs = cluster.mount().open(INODE);
    assertThat(read(theirs, 0, 10)).isEqualTo("text");
    assertThat(cluster.attributes(INODE).getMtime().getSeconds()).isEqualTo(123);
    assertThat(cluster.attributes(INODE).getSize()).isEqualTo(4);
    assertThat(cluster.requests).doesNotContainKey(Request.BodyCase.SET_ATTRIBUTES);
    write(file, descriptor, 4, "more");
    assertThat(file.attributes(cluster.attributes(INODE)).getMtime().getSeconds())
        .as("written again")
        .isNotEqualTo(123);
  }

  @Test
  void aColdWriteTakesTwoRoundTripsAndOneInsideALease() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor direct = file.newDescriptor(true);
    long begunNs = cluster.time.nowNs();
    write(file, direct, 0, "cold");
    assertThat(cluster.time.nowNs() - begunNs).isEqualTo(MASTER_TRIP_NS + MEMBER_TRIP_NS);
    begunNs = cluster.time.nowNs();
    write(file, direct, 0, "held");
    assertThat(cluster.time.nowNs() - begunNs).isEqualTo(MEMBER_TRIP_NS);
  }

  @Test
  void fsyncOfOneRequestIsOneRoundTrip() throws Outcome {
    Opened file = open(cluster.mount());
    for (int i = 0; i < 3; i++) {
      file.write(i, "x");
      file.fsync();
    }
    assertThat(writesOn(1)).isEqualTo(3);
    assertThat(cluster.member(1).log).doesNotContain(Request.BodyCase.SYNC_OBJECTS);
    assertThat(cluster.member(1).object(INODE).synced).isTrue();
  }

  @Test
  void fsyncOfManyRequestsSyncsOnce() throws Outcome {
    Opened file = open(cluster.mount());
    file.write(0, "a");
    file.write(100, "b");
    file.fsync();
    assertThat(cluster.member(1).log)
        .containsOnlyOnce(Request.BodyCase.SYNC_OBJECTS)
        .endsWith(Request.BodyCase.SYNC_OBJECTS);
    assertThat(cluster.member(1).object(INODE).synced).isTrue();
  }

  @Test
  void synchronousWriteIsDurableWhenItReturns() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    file.write(0, ByteBuffer.wrap("hello".getBytes(UTF_8)), true, file.newDescriptor(false));
    assertThat(onMember(2)).isEqualTo("hello");
    assertThat(cluster.member(2).object(INODE).timesSynced).isTrue();
    assertThat(cluster.member(2).object(INODE).isDirty()).isTrue();
  }

  @Test
  void directAndUnbufferedWritesAreReceivedWhenTheyReturn() throws Outcome {
    FileContent direct = cluster.mount().open(INODE);
    writeDirect(direct, "direct");
    assertThat(onMember(2)).isEqualTo("direct");
    FileContent off = cluster.mount(ClientOptions.DEFAULT.withWriteback(false)).open(INODE);
    write(off, off.newDescriptor(false), 0, "d-i");
    assertThat(onMember(2)).isEqualTo("d-iect");
  }

  @Test
  void coldWriteToAcknowledgementTakesTwoRoundTrips() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(true);
    long startNs = cluster.time.nowNs();
    write(file, descriptor, 0, "cold");
    long coldNs = cluster.time.nowNs() - startNs;
    assertThat(coldNs).isEqualTo(2 * FakeCluster.MASTER_DELAY_NS + cluster.member(1).delayNs);
    write(file, descriptor, 0, "warm");
    assertThat(cluster.time.nowNs() - startNs - coldNs).isEqualTo(cluster.member(1).delayNs);
  }

  @Test
  void contiguousWritesGoOutAsOneRequest() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    byte[] block = new byte[64 << 10];
    for (int i = 0; i < 64; i++) {
      Arrays.fill(block, (byte) i);
      file.write((long) i * block.length, ByteBuffer.wrap(block), false, descriptor);
    }
    file.fsync(descriptor, true);
    assertThat(cluster.member(1).object(INODE).bytes).hasSize(64 * block.length);
    assertThat(writesOn(1)).isEqualTo(4);
    ByteBuffer all = ByteBuffer.allocate(64 * block.length);
    assertThat(file.read(0, all)).isEqualTo(all.capacity());
    for (int i = 0; i < 64; i++) {
      assertThat(all.get(i * block.length + 77)).isEqualTo((byte) i);
    }
  }

  @Test
  void overlappingFlushesReachMembersInOrder() throws Outcome {
    Opened file = open(cluster.mount());
    for (FakeMember member : cluster.members) {
      member.delayNs = SECOND_NS / 5;
    }
    file.write(0, "aaaaaaaaaa");
    cluster.time.pass(SECOND_NS / 10);
    file.write(5, "bbb");
    assertThat(file.read(0, 10)).isEqualTo("aaaaabbbaa");
    file.flush();
    assertThat(onMember(1)).isEqualTo("aaaaabbbaa");
  }

  @Test
  void readsFillHolesWithZeroesAndStopAtTheEnd() throws Outcome {
    Opened file = openWith(cluster.mount(), "ab");
    file.write(6, "cd");
    assertThat(file.read(0, 100)).isEqualTo("ab\0\0\0\0cd");
    assertThat(file.read(4, 2)).isEqualTo("\0\0");
  }

  @Test
  void truncateCutsBufferedBytesToo() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "hello world");
    Attributes after = file.truncate(5, Caller.getDefaultInstance());
    assertThat(after.getSize()).isEqualTo(5);
    assertThat(read(file, 0, 100)).isEqualTo("hello");
    write(file, descriptor, -1, "!");
    file.fsync(descriptor, true);
    assertThat(onMember(3)).isEqualTo("hello!");
    file.truncate(8, Caller.getDefaultInstance());
    assertThat(read(file, 0, 100)).isEqualTo("hello!\0\0");
    assertComesToRest();
  }

  @Test
  void truncateToTheSameSizeDoesNotHideAnOlderMark() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    writeDirect(file, "hello");
    FakeCluster.Mount other = cluster.mount();
    assertThat(read(other.open(INODE), 0, 10)).isEqualTo("hello");
    file.truncate(5, Caller.getDefaultInstance());
    assertThat(read(other.open(INODE), 0, 10)).isEqualTo("hello");
    assertComesToRest();
  }

  @Test
  void allocateExtendsOnAllMembers() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "ab");
    file.allocate(0, 10, false, false, false, descriptor);
    assertThat(file.attributes(cluster.attributes(INODE)).getSize()).isEqualTo(10);
    file.allocate(0, 20, true, false, false, descriptor);
    assertThat(file.attributes(cluster.attributes(INODE)).getSize()).isEqualTo(10);
    assertComesToRest();
  }

  @Test
  void timesSetByTheUserHoldUntilTheNextWrite() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "x");
    long writtenNs = Convert.nanos(file.attributes(cluster.attributes(INODE)).getMtime());
    assertThat(writtenNs).isPositive();
    SetAttributes times =
        SetAttributes.newBuilder().setInode(INODE).setMtime(Convert.timestamp(42)).build();
    file.setAttributes(times, descriptor);
    assertThat(Convert.nanos(file.attributes(cluster.attributes(INODE)).getMtime())).isEqualTo(42);
    file.flush(descriptor);
    cluster.time.pass(10 * SECOND_NS);
    assertThat(Convert.nanos(cluster.attributes(INODE).getMtime())).isEqualTo(42);
    write(file, descriptor, 0, "y");
    assertThat(Convert.nanos(file.attributes(cluster.attributes(INODE)).getMtime()))
        .isGreaterThan(writtenNs);
  }

  @Test
  void writeBehindTheLargestFileIsRefused() {
    FileContent file = cluster.mount().open(INODE);
    assertFails(
        ErrorCode.FILE_TOO_BIG,
        () -> write(file, file.newDescriptor(false), (1L << 43) - 4097, "xxx"));
  }

  @Test
  void fullBufferMakesTheWriterWaitNotFail() throws Outcome {
    ClientOptions small =
        new ClientOptions(
            true, 5 * SECOND_NS, SECOND_NS / 20, SECOND_NS, 10 * SECOND_NS, 2L << 20, 2, SECOND_NS);
    FileContent file = cluster.mount(small).open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    byte[] block = new byte[128 << 10];
    new Random(1).nextBytes(block);
    for (int i = 0; i < 64; i++) {
      file.write((long) i * block.length, ByteBuffer.wrap(block), false, descriptor);
    }
    file.fsync(descriptor, true);
    assertThat(cluster.member(1).object(INODE).bytes).hasSize(64 * block.length);
  }
}
