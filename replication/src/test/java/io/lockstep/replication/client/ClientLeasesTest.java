package io.lockstep.replication.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.message.AcquireLease;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.EagerLockRow;
import io.lockstep.wire.message.LeaseGrant;
import io.lockstep.wire.message.LeaseMode;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.QueryLease;
import io.lockstep.wire.message.Request;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * The leases of a {@link ReplicationClient}: how they come, what it owes while it holds them, how
 * they end.
 */
class ClientLeasesTest extends ClientCase {
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
    writeDirect(theirs, "theirs");
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
    assertFails(ErrorCode.SESSION_ENDED, () -> writeDirect(file, "nothing"));
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
  void expiredLeaseDropsTheBufferWithOneErrorForEachDescriptor() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    FileContent file = mount.open(INODE);
    Descriptor first = file.newDescriptor(false);
    Descriptor second = file.newDescriptor(false);
    write(file, first, 0, "kept");
    file.fsync(first, true);
    mount.cutOff();
    setHealthOfAll(FakeMember.Health.HUNG);
    write(file, first, 0, "lost");
    cluster.time.pass(12 * SECOND_NS);
    setHealthOfAll(FakeMember.Health.UP);
    assertFails(ErrorCode.IO_ERROR, () -> file.flush(first));
    assertThatCode(() -> file.flush(first)).doesNotThrowAnyException();
    assertFails(ErrorCode.IO_ERROR, () -> file.fsync(second, true));
    Descriptor third = file.newDescriptor(false);
    assertThatCode(() -> file.flush(third)).doesNotThrowAnyException();
  }

  /** Else a new lockd, which was never told of the lease, would leave the master the old size. */
  @Test
  void markOfALostLeaseStaysForWhoSettlesIt() throws Outcome {
    ClientOptions late =
        new ClientOptions(
            true,
            60 * SECOND_NS,
            SECOND_NS,
            3 * SECOND_NS,
            60 * SECOND_NS,
            64L << 20,
            16,
            SECOND_NS);
    FakeCluster.Mount mount = cluster.mount(late);
    writeDirect(mount.open(INODE), "data");
    cluster.setMode(3, MemberMode.WO);
    // The mark waits for the end of the heal, and the lease does not live that long.
    cluster.time.pass(2 * SECOND_NS);
    mount.cutOff();
    cluster.time.pass(12 * SECOND_NS);
    cluster.lockd.restart();
    cluster.setMode(3, MemberMode.RW);
    mount.reconnect();
    cluster.time.pass(5 * SECOND_NS);
    assertThat(cluster.attributes(INODE).getSize()).as("the master").isZero();
    assertThat(cluster.member(1).object(INODE).isDirty()).isTrue();
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
    Opened file = openWith(mount, "old");
    cluster.settle(INODE, cluster.lockd.nextToken());
    file.write(0, "new");
    assertFails(ErrorCode.STALE_TOKEN, () -> file.flush());
    assertThat(onMember(1)).isEqualTo("old");
    file.write(0, "NEW");
    file.fsync();
    assertThat(onMember(1)).isEqualTo("NEW");
  }

  @Test
  void endedSessionFailsEverythingUntilThereIsANewOne() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    Opened file = open(mount);
    file.write(0, "x");
    cluster.endSession(mount.session);
    mount.client.onSessionEnded("expired");
    assertFails(ErrorCode.IO_ERROR, () -> file.flush());
    assertFails(ErrorCode.SESSION_ENDED, () -> file.write(0, "y"));
  }

  @Test
  void newLockdGetsTheLeasesBack() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    Opened file = open(mount);
    file.write(0, "x");
    file.flush();
    cluster.lockd.restart();
    cluster.time.pass(2 * SECOND_NS);
    assertThat(cluster.lockd.heldCount()).isEqualTo(1);
    long grants = cluster.lockd.grants;
    file.write(1, "y");
    file.fsync();
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
    assertThatCode(() -> writeDirect(other, "x")).doesNotThrowAnyException();
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
    assertComesToRest();
  }

  @Test
  void idleLeaseClearedByForceIsToldTooAndALateClearIsNot() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    Opened file = openWith(mount, "safe");
    cluster.lockd.clear(mount.session, INODE);
    cluster.time.pass(SECOND_NS / 100);
    assertFails(ErrorCode.IO_ERROR, () -> file.fsync());
    file.write(4, "r");
    file.fsync();
    // The same push again: that lease is over, the newer one stays.
    cluster.push(mount.session, FakeLockd.cleared(INODE, 1));
    cluster.time.pass(SECOND_NS / 100);
    file.write(5, "!");
    file.fsync();
    assertThat(onMember(2)).isEqualTo("safer!");
  }

  @Test
  void dumpShowsTheEagerLock() throws Outcome {
    FakeCluster.Mount mount = cluster.mount();
    Opened file = open(mount);
    file.write(0, "hello");
    EagerLockRow active = dump(mount);
    assertThat(active.getState()).isEqualTo("ACTIVE");
    assertThat(active.getOwnersList()).containsExactly("HOLD[0,)");
    assertThat(active.getHeld()).isEqualTo(LeaseMode.EXCLUSIVE);
    assertThat(active.getDescriptors()).isEqualTo(1);
    file.fsync();
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
  void answerThatTheMasterGaveBeforeTheReleaseDoesNotHideOwnWrites() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Attributes early = cluster.attributes(INODE);
    write(file, file.newDescriptor(false), 0, "hello");
    cluster.time.pass(10 * SECOND_NS);
    assertThat(cluster.lockd.heldCount()).isZero();
    assertThat(file.attributes(early).getSize()).isEqualTo(5);
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
}
