package io.lockstep.replication.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.AcquireLease;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Caller;
import io.lockstep.wire.message.EagerLockRow;
import io.lockstep.wire.message.LeaseGrant;
import io.lockstep.wire.message.LeaseMode;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.QueryLease;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetAttributes;
import io.lockstep.wire.message.Timestamp;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Facts about {@link ReplicationClient} in a cluster of memory and virtual time. */
class ReplicationClientTest {
  private static final long INODE = 1000;
  private static final long SECOND_NS = TimeUnit.SECONDS.toNanos(1);

  private final FakeCluster cluster = new FakeCluster();

  @AfterEach
  void close() {
    cluster.close();
  }

  private static long write(FileContent file, Descriptor descriptor, long offset, String text)
      throws Outcome {
    return file.write(offset, ByteBuffer.wrap(text.getBytes(UTF_8)), false, descriptor);
  }

  private static String read(FileContent file, long offset, int length) throws Outcome {
    ByteBuffer target = ByteBuffer.allocate(length);
    int count = file.read(offset, target);
    assertThat(target.position()).isEqualTo(count);
    return new String(target.array(), 0, count, UTF_8);
  }

  private static void assertFails(ErrorCode code, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(Outcome.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  private String onMember(int id) {
    return new String(cluster.member(id).object(INODE).bytes, UTF_8);
  }

  private int writesOn(int id) {
    return (int)
        cluster.member(id).log.stream().filter(c -> c == Request.BodyCase.WRITE_OBJECT).count();
  }

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
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "hello");
    file.flush(descriptor);
    assertThat(onMember(1)).isEqualTo("hello");
    assertThat(onMember(2)).isEqualTo("hello");
    assertThat(onMember(3)).isEqualTo("hello");
  }

  @Test
  void fsyncMeansDurableWithSizeAndTimesWhereTheyAreSettledFrom() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "hello");
    file.fsync(descriptor, true);
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

  private static final long MASTER_TRIP_NS = 2 * FakeCluster.MASTER_DELAY_NS;
  private static final long MEMBER_TRIP_NS = FakeMember.DELAY_NS;

  /** What the master would put into the answer to an open. */
  private LeaseGrant ridden(FakeCluster.Mount mount, LeaseProposal proposal) {
    AcquireLease asked =
        AcquireLease.newBuilder()
            .setInode(INODE)
            .setLease(proposal.lease())
            .setMode(proposal.mode())
            .build();
    LeaseGrant[] grant = new LeaseGrant[1];
    cluster.lockd.acquire(mount.session, asked, reply -> grant[0] = reply.getLeaseGrant());
    return grant[0];
  }

  @Test
  void firstWriteUnderALeaseThatRodeAlongIsOneRoundTrip() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    LeaseProposal proposal = mount.client.propose(INODE, LeaseMode.EXCLUSIVE);
    LeaseGrant grant = ridden(mount, proposal);
    FileContent file = mount.client.open(cluster.attributes(INODE), proposal, grant);
    assertThat(mount.client.propose(INODE, LeaseMode.EXCLUSIVE)).as("it is known").isNull();
    Descriptor direct = file.newDescriptor(true);
    long begunNs = cluster.time.nowNs();
    write(file, direct, 0, "ridden");
    assertThat(cluster.time.nowNs() - begunNs).isEqualTo(MEMBER_TRIP_NS);
    assertThat(cluster.requests).doesNotContainKey(Request.BodyCase.ACQUIRE_LEASE);
    assertThat(onMember(2)).isEqualTo("ridden");
    file.close(direct);
    cluster.time.pass(10 * SECOND_NS);
    assertThat(cluster.lockd.heldCount()).as("released when idle").isZero();
  }

  @Test
  void leaseWhoseRecallHasOvertakenItIsNotUsed() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    LeaseProposal proposal = mount.client.propose(INODE, LeaseMode.EXCLUSIVE);
    LeaseGrant grant = ridden(mount, proposal);
    FakeCluster.Mount other = cluster.mount();
    FileContent theirs = other.open(INODE);
    // Their lease comes when ours is given back, which nobody here knows of yet.
    write(theirs, theirs.newDescriptor(true), 0, "theirs");
    FileContent file = mount.client.open(cluster.attributes(INODE), proposal, grant);
    cluster.time.pass(SECOND_NS / 10);
    assertThat(read(file, 0, 100)).isEqualTo("theirs");
    assertThat(cluster.lockd.uncleanEnds).as("nothing to settle").isZero();
  }

  @Test
  void leaseFromBeforeTheEndOfTheSessionIsNotUsed() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    LeaseProposal proposal = mount.client.propose(INODE, LeaseMode.EXCLUSIVE);
    LeaseGrant grant = ridden(mount, proposal);
    mount.client.onSessionEnded("test");
    FileContent file = mount.client.open(cluster.attributes(INODE), proposal, grant);
    cluster.time.pass(SECOND_NS / 10);
    assertFails(ErrorCode.SESSION_ENDED, () -> write(file, file.newDescriptor(true), 0, "nothing"));
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
  void tenProcessesThatAppendAndCloseKeepOneLease() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    int closes = 100;
    long begunNs = cluster.time.nowNs();
    for (int i = 0; i < closes; i++) {
      FileContent file = mount.open(INODE);
      Descriptor descriptor = file.newDescriptor(false);
      write(file, descriptor, -1, "0123456789".repeat(10));
      file.flush(descriptor);
      file.close(descriptor);
    }
    long appendsNs = cluster.time.nowNs() - begunNs - MASTER_TRIP_NS;
    assertThat(mount.client.counters()).containsEntry("leases_asked", 1L);
    assertThat(mount.client.counters()).containsEntry("leases_released", 0L);
    assertThat(appendsNs).isEqualTo(closes * MEMBER_TRIP_NS);
    assertThat(cluster.lockd.grants).isEqualTo(1);
    assertThat(cluster.member(2).object(INODE).bytes).hasSize(closes * 100);
  }

  @Test
  void fsyncOfOneRequestIsOneRoundTrip() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    for (int i = 0; i < 3; i++) {
      write(file, descriptor, i, "x");
      file.fsync(descriptor, true);
    }
    assertThat(writesOn(1)).isEqualTo(3);
    assertThat(cluster.member(1).log).doesNotContain(Request.BodyCase.SYNC_OBJECTS);
    assertThat(cluster.member(1).object(INODE).synced).isTrue();
  }

  @Test
  void fsyncOfManyRequestsSyncsOnce() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "a");
    write(file, descriptor, 100, "b");
    file.fsync(descriptor, true);
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
    write(direct, direct.newDescriptor(true), 0, "direct");
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
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    for (FakeMember member : cluster.members) {
      member.delayNs = SECOND_NS / 5;
    }
    write(file, descriptor, 0, "aaaaaaaaaa");
    cluster.time.pass(SECOND_NS / 10);
    write(file, descriptor, 5, "bbb");
    assertThat(read(file, 0, 10)).isEqualTo("aaaaabbbaa");
    file.flush(descriptor);
    assertThat(onMember(1)).isEqualTo("aaaaabbbaa");
  }

  @Test
  void readsFillHolesWithZeroesAndStopAtTheEnd() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "ab");
    file.fsync(descriptor, true);
    write(file, descriptor, 6, "cd");
    assertThat(read(file, 0, 100)).isEqualTo("ab\0\0\0\0cd");
    assertThat(read(file, 4, 2)).isEqualTo("\0\0");
  }

  @Test
  void memberKilledMidStreamCostsNoWrite() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "before ");
    file.flush(descriptor);
    cluster.member(2).health = FakeMember.Health.DEAD;
    write(file, descriptor, -1, "after");
    file.fsync(descriptor, true);
    assertThat(onMember(1)).isEqualTo("before after");
    assertThat(cluster.config.member(2).mode()).isEqualTo(MemberMode.ERR);
    assertThat(cluster.member(1).object(INODE).pending).containsExactly(2);
    assertThat(cluster.reports).hasSize(1);
    cluster.time.pass(5 * SECOND_NS);
    cluster.checkAtRest(INODE);
  }

  @Test
  void hungMemberIsBlamedAfterItsCallTimedOut() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    cluster.member(3).health = FakeMember.Health.HUNG;
    write(file, descriptor, 0, "x");
    long startNs = cluster.time.nowNs();
    file.flush(descriptor);
    assertThat(cluster.time.nowNs() - startNs).isBetween(4 * SECOND_NS, 5 * SECOND_NS);
    assertThat(cluster.config.member(3).mode()).isEqualTo(MemberMode.ERR);
  }

  @Test
  void postOpAfterAMemberWentAwaySetsItsPendingMarkFirst() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "x");
    file.flush(descriptor);
    cluster.setMode(2, MemberMode.ERR);
    cluster.time.pass(5 * SECOND_NS);
    assertThat(cluster.member(1).object(INODE).isDirty()).isFalse();
    assertThat(cluster.member(1).object(INODE).pending).containsExactly(2);
  }

  @Test
  void readGoesToAnotherMemberWhenOneFails() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "data");
    file.fsync(descriptor, true);
    cluster.member(1).health = FakeMember.Health.ROTTEN;
    cluster.member(2).health = FakeMember.Health.DEAD;
    assertThat(read(file, 0, 4)).isEqualTo("data");
    cluster.member(2).health = FakeMember.Health.ROTTEN;
    cluster.member(3).health = FakeMember.Health.ROTTEN;
    assertFails(ErrorCode.CORRUPT, () -> read(file, 0, 4));
  }

  @Test
  void readFromAHungMemberIsHedged() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "data");
    file.fsync(descriptor, true);
    cluster.member(1).health = FakeMember.Health.HUNG;
    long startNs = cluster.time.nowNs();
    assertThat(read(file, 0, 4)).isEqualTo("data");
    assertThat(cluster.time.nowNs() - startNs).isLessThan(SECOND_NS);
  }

  @Test
  void readFollowsAConfigurationChange() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "data");
    file.fsync(descriptor, true);
    cluster.setMode(1, MemberMode.WO);
    assertThat(read(file, 0, 4)).isEqualTo("data");
  }

  @Test
  void fullClusterIsNoSpaceAndBlamesNobody() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor first = file.newDescriptor(false);
    Descriptor second = file.newDescriptor(false);
    cluster.members.forEach(member -> member.health = FakeMember.Health.FULL);
    write(file, first, 0, "x");
    assertFails(ErrorCode.NO_SPACE, () -> file.flush(first));
    assertThatCode(() -> file.flush(first)).doesNotThrowAnyException();
    assertFails(ErrorCode.NO_SPACE, () -> write(file, second, 0, "y"));
    assertThat(cluster.reports).isEmpty();
    Descriptor later = file.newDescriptor(false);
    cluster.members.forEach(member -> member.health = FakeMember.Health.UP);
    write(file, later, 0, "z");
    file.fsync(later, true);
    assertThat(onMember(1)).isEqualTo("z");
    assertThat(cluster.lockd.uncleanEnds).isEqualTo(1);
    cluster.time.pass(5 * SECOND_NS);
    cluster.checkAtRest(INODE);
  }

  @Test
  void tooFewReplicasFailWritesAtOnceAndReadsGoOn() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(true);
    write(file, descriptor, 0, "data");
    cluster.setMode(1, MemberMode.ERR);
    cluster.setMode(2, MemberMode.ERR);
    assertFails(ErrorCode.NOT_ENOUGH_REPLICAS, () -> write(file, descriptor, 0, "x"));
    assertThat(read(file, 0, 4)).isEqualTo("data");
  }

  @Test
  void recallWritesBackBeforeTheOtherMountReads() throws Outcome {
    FileContent a = cluster.mount().open(INODE);
    FileContent b = cluster.mount().open(INODE);
    write(a, a.newDescriptor(false), 0, "from a");
    assertThat(read(b, 0, 10)).isEqualTo("from a");
    assertThat(cluster.lockd.uncleanEnds).isZero();
  }

  @Test
  void twoMountsInTurnNeverReadStaleBytes() throws Outcome {
    FakeCluster.Mount[] mounts = {cluster.mount(), cluster.mount()};
    FileContent[] files = {mounts[0].open(INODE), mounts[1].open(INODE)};
    Descriptor[] descriptors = {files[0].newDescriptor(false), files[1].newDescriptor(false)};
    for (int i = 0; i < 300; i++) {
      int writer = i % 2;
      String text = String.format("round %05d", i);
      write(files[writer], descriptors[writer], 0, text);
      assertThat(read(files[1 - writer], 0, 100)).isEqualTo(text);
    }
    for (int i = 0; i < 100; i++) {
      write(files[i % 2], descriptors[i % 2], -1, "x");
    }
    assertThat(read(files[0], 0, 1000)).hasSize(11 + 100);
    cluster.time.pass(20 * SECOND_NS);
    cluster.checkAtRest(INODE);
    assertThat(cluster.lockd.heldCount()).isZero();
    assertThat(cluster.lockd.uncleanEnds).isZero();
  }

  @Test
  void expiredLeaseDropsTheBufferWithOneErrorForEachDescriptor() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    FileContent file = mount.open(INODE);
    Descriptor first = file.newDescriptor(false);
    Descriptor second = file.newDescriptor(false);
    write(file, first, 0, "kept");
    file.fsync(first, true);
    mount.cutOff();
    cluster.members.forEach(member -> member.health = FakeMember.Health.HUNG);
    write(file, first, 0, "lost");
    cluster.time.pass(12 * SECOND_NS);
    cluster.members.forEach(member -> member.health = FakeMember.Health.UP);
    assertFails(ErrorCode.IO_ERROR, () -> file.flush(first));
    assertThatCode(() -> file.flush(first)).doesNotThrowAnyException();
    assertFails(ErrorCode.IO_ERROR, () -> file.fsync(second, true));
    Descriptor third = file.newDescriptor(false);
    assertThatCode(() -> file.flush(third)).doesNotThrowAnyException();
  }

  @Test
  void halfTimeWithoutRenewalWritesBack() throws Outcome {
    ClientOptions slow =
        new ClientOptions(
            true,
            60 * SECOND_NS,
            30 * SECOND_NS,
            SECOND_NS,
            60 * SECOND_NS,
            64L << 20,
            16,
            SECOND_NS);
    FakeCluster.Mount mount = cluster.mount(slow);
    FileContent file = mount.open(INODE);
    write(file, file.newDescriptor(false), 0, "data");
    mount.cutOff();
    cluster.time.pass(4 * SECOND_NS);
    assertThat(onMember(1)).isEmpty();
    cluster.time.pass(2 * SECOND_NS);
    assertThat(onMember(1)).isEqualTo("data");
  }

  @Test
  void fencedHolderLosesItsBufferAndGoesOnUnderANewLease() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    FileContent file = mount.open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "old");
    file.fsync(descriptor, true);
    cluster.settle(INODE, cluster.lockd.nextToken());
    write(file, descriptor, 0, "new");
    assertFails(ErrorCode.STALE_TOKEN, () -> file.flush(descriptor));
    assertThat(onMember(1)).isEqualTo("old");
    write(file, descriptor, 0, "NEW");
    file.fsync(descriptor, true);
    assertThat(onMember(1)).isEqualTo("NEW");
  }

  @Test
  void endedSessionFailsEverythingUntilThereIsANewOne() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    FileContent file = mount.open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "x");
    cluster.endSession(mount.session);
    mount.client.onSessionEnded("expired");
    assertFails(ErrorCode.IO_ERROR, () -> file.flush(descriptor));
    assertFails(ErrorCode.SESSION_ENDED, () -> write(file, descriptor, 0, "y"));
  }

  @Test
  void newLockdGetsTheLeasesBack() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    FileContent file = mount.open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "x");
    file.flush(descriptor);
    cluster.lockd.restart();
    cluster.time.pass(2 * SECOND_NS);
    assertThat(cluster.lockd.heldCount()).isEqualTo(1);
    long grants = cluster.lockd.grants;
    write(file, descriptor, 1, "y");
    file.fsync(descriptor, true);
    assertThat(onMember(1)).isEqualTo("xy");
    assertThat(cluster.lockd.grants).isEqualTo(grants);
  }

  @Test
  void recallOfAnUnknownLeaseIsNotMine() {
    FakeCluster.Mount mount = cluster.mount();
    cluster.lockd.reclaim(
        mount.session,
        INODE,
        99,
        io.lockstep.wire.message.LeaseMode.EXCLUSIVE,
        cluster.lockd.nextToken());
    FileContent other = cluster.mount().open(INODE);
    assertThatCode(() -> write(other, other.newDescriptor(true), 0, "x"))
        .doesNotThrowAnyException();
    assertThat(cluster.requests).containsKey(Request.BodyCase.RECALL_NOT_MINE);
  }

  @Test
  void leaseClearedByForceCostsEachDescriptorOneError() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    FileContent file = mount.open(INODE);
    Descriptor writer = file.newDescriptor(false);
    Descriptor other = file.newDescriptor(false);
    write(file, writer, 0, "lost");
    cluster.time.pass(SECOND_NS / 100);
    cluster.lockd.clear(mount.session, INODE);
    cluster.time.pass(SECOND_NS / 100);
    assertFails(ErrorCode.IO_ERROR, () -> file.flush(writer));
    assertFails(ErrorCode.IO_ERROR, () -> write(file, other, 0, "x"));
    write(file, writer, 0, "kept");
    file.fsync(writer, true);
    file.fsync(other, true);
    assertThat(onMember(1)).isEqualTo("kept");
    assertThat(cluster.requests).containsKey(Request.BodyCase.RECALL_NOT_MINE);
    cluster.time.pass(20 * SECOND_NS);
    cluster.checkAtRest(INODE);
  }

  @Test
  void idleLeaseClearedByForceIsToldTooAndALateClearIsNot() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    FileContent file = mount.open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "safe");
    file.fsync(descriptor, true);
    cluster.lockd.clear(mount.session, INODE);
    cluster.time.pass(SECOND_NS / 100);
    assertFails(ErrorCode.IO_ERROR, () -> file.fsync(descriptor, true));
    write(file, descriptor, 4, "r");
    file.fsync(descriptor, true);
    // The same push again: that lease is over, the newer one stays.
    cluster.push(mount.session, FakeLockd.cleared(INODE, 1));
    cluster.time.pass(SECOND_NS / 100);
    write(file, descriptor, 5, "!");
    file.fsync(descriptor, true);
    assertThat(onMember(2)).isEqualTo("safer!");
  }

  @Test
  void dumpShowsTheEagerLock() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    FileContent file = mount.open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "hello");
    EagerLockRow active = dump(mount);
    assertThat(active.getState()).isEqualTo("ACTIVE");
    assertThat(active.getOwnersList()).containsExactly("HOLD[0,)");
    assertThat(active.getHeld()).isEqualTo(LeaseMode.EXCLUSIVE);
    assertThat(active.getDescriptors()).isEqualTo(1);
    file.fsync(descriptor, true);
    cluster.time.pass(SECOND_NS);
    EagerLockRow parked = dump(mount);
    assertThat(parked.getState()).isEqualTo("PARKED");
    assertThat(parked.getTimer()).isTrue();
    assertThat(parked.getLease()).isEqualTo(1);
  }

  private EagerLockRow dump(FakeCluster.Mount mount) {
    List<EagerLockRow> rows = new ArrayList<>();
    mount.client.dump(dump -> rows.addAll(dump.getRowsList()));
    cluster.time.pass(SECOND_NS / 1000);
    assertThat(rows).hasSize(1);
    return rows.get(0);
  }

  @Test
  void queryTellsTheBufferedSizeAndKeepsTheLease() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    FileContent file = mount.open(INODE);
    for (FakeMember member : cluster.members) {
      member.delayNs = SECOND_NS;
    }
    write(file, file.newDescriptor(false), 0, "hello");
    cluster.push(
        mount.session,
        Push.newBuilder()
            .setQueryLease(QueryLease.newBuilder().setInode(INODE).setLease(1).setQuery(3))
            .build());
    cluster.time.pass(SECOND_NS / 100);
    assertThat(cluster.attributes(INODE).getSize()).isEqualTo(5);
    assertThat(cluster.requests).containsKey(Request.BodyCase.ANSWER_QUERY);
    assertThat(cluster.lockd.heldCount()).isEqualTo(1);
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
    cluster.time.pass(5 * SECOND_NS);
    cluster.checkAtRest(INODE);
  }

  @Test
  void truncateToTheSameSizeDoesNotHideAnOlderMark() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    write(file, file.newDescriptor(true), 0, "hello");
    FakeCluster.Mount other = cluster.mount();
    assertThat(read(other.open(INODE), 0, 10)).isEqualTo("hello");
    file.truncate(5, Caller.getDefaultInstance());
    assertThat(read(other.open(INODE), 0, 10)).isEqualTo("hello");
    cluster.time.pass(5 * SECOND_NS);
    cluster.checkAtRest(INODE);
  }

  @Test
  void allocateExtendsOnAllMembers() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor descriptor = file.newDescriptor(false);
    write(file, descriptor, 0, "ab");
    file.allocate(0, 10, false, false, false);
    assertThat(file.attributes(cluster.attributes(INODE)).getSize()).isEqualTo(10);
    file.allocate(0, 20, true, false, false);
    assertThat(file.attributes(cluster.attributes(INODE)).getSize()).isEqualTo(10);
    cluster.time.pass(5 * SECOND_NS);
    cluster.checkAtRest(INODE);
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
    file.setAttributes(times);
    assertThat(Convert.nanos(file.attributes(cluster.attributes(INODE)).getMtime())).isEqualTo(42);
    file.flush(descriptor);
    cluster.time.pass(10 * SECOND_NS);
    assertThat(Convert.nanos(cluster.attributes(INODE).getMtime())).isEqualTo(42);
    write(file, descriptor, 0, "y");
    assertThat(Convert.nanos(file.attributes(cluster.attributes(INODE)).getMtime()))
        .isGreaterThan(writtenNs);
  }

  @Test
  void answerThatTheMasterGaveBeforeTheReleaseDoesNotHideOwnWrites() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Attributes early = cluster.attributes(INODE);
    write(file, file.newDescriptor(false), 0, "hello");
    cluster.time.pass(10 * SECOND_NS);
    assertThat(cluster.lockd.heldCount()).isZero();
    assertThat(file.attributes(early).getSize()).isEqualTo(5);
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

  @Test
  void closeOfTheClientWritesBackAndLeavesNoLeaseAndNoMark() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    for (long inode = 1; inode <= 20; inode++) {
      FileContent file = mount.open(inode);
      write(file, file.newDescriptor(false), 0, "bytes of " + inode);
    }
    mount.client.close();
    assertThat(cluster.lockd.heldCount()).isZero();
    for (long inode = 1; inode <= 20; inode++) {
      cluster.checkAtRest(inode);
    }
  }

  @Test
  void readsUnderAHeldLeaseStayOnTheirThread() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    FileContent file = mount.open(INODE);
    write(file, file.newDescriptor(true), 0, "abc");
    for (int i = 0; i < 5; i++) {
      assertThat(read(file, 0, 10)).isEqualTo("abc");
    }
    assertThat(mount.client.counters()).containsEntry("quick_reads", 5L).containsEntry("reads", 0L);
  }

  @Test
  void quickReadThatLostItsLeaseMeanwhileIsReadAgain() throws Outcome {
    FakeCluster.Mount reader = cluster.mount();
    FileContent file = reader.open(INODE);
    write(file, file.newDescriptor(true), 0, "old");
    cluster.members.forEach(member -> member.delayNs = SECOND_NS / 10);
    FileContent other = cluster.mount().open(INODE);
    cluster.time.schedule(
        SECOND_NS / 1000,
        () ->
            assertThatCode(() -> write(other, other.newDescriptor(true), 0, "new"))
                .doesNotThrowAnyException());
    assertThat(read(file, 0, 3)).isEqualTo("new");
    assertThat(reader.client.counters())
        .containsEntry("quick_reads", 0L)
        .containsEntry("reads", 1L);
  }

  @Test
  void pagesOfWhoJoinedAfterTheDropAreDroppedToo() throws Outcome {
    FakeCluster.Mount reader = cluster.mount();
    FileContent file = reader.open(INODE);
    int[] drops = {0};
    reader.client.cacheDropper(
        (inode, dropped) -> {
          drops[0]++;
          assertThat(cluster.lockd.heldCount()).isEqualTo(1);
          if (drops[0] == 1) {
            // The kernel has dropped what it had; then it reads again.
            assertThatCode(() -> read(file, 0, 1)).doesNotThrowAnyException();
          }
          dropped.run();
        });
    read(file, 0, 1);
    FileContent other = cluster.mount().open(INODE);
    write(other, other.newDescriptor(true), 0, "new");
    assertThat(drops[0]).isEqualTo(2);
    assertThat(read(file, 0, 3)).isEqualTo("new");
  }

  @Test
  void pagesAreDroppedWhenALeaseIsLost() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    FileContent file = mount.open(INODE);
    int[] drops = {0};
    mount.client.cacheDropper(
        (inode, dropped) -> {
          drops[0]++;
          dropped.run();
        });
    read(file, 0, 1);
    mount.cutOff();
    cluster.time.pass(11 * SECOND_NS);
    assertThat(drops[0]).isPositive();
  }

  @Test
  void kernelCachesAreDroppedBeforeALeaseGoes() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    StringBuilder order = new StringBuilder();
    mount.client.cacheDropper(
        (inode, dropped) -> {
          order.append("drop with ").append(cluster.lockd.heldCount()).append(" held");
          dropped.run();
        });
    FileContent file = mount.open(INODE);
    read(file, 0, 1);
    cluster.time.pass(6 * SECOND_NS);
    assertThat(order).hasToString("drop with 1 held");
    assertThat(cluster.lockd.heldCount()).isZero();
  }
}
