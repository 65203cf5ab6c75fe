package io.lockstep.replication.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Outcome;
import org.junit.jupiter.api.Test;

/** A {@link ReplicationClient} whose members die, hang, fill up, or change. */
class MemberFailureTest extends ClientCase {
  @Test
  void memberKilledMidStreamCostsNoWrite() throws Outcome {
    Opened file = open(cluster.mount());
    file.write(0, "before ");
    file.flush();
    cluster.member(2).health = FakeMember.Health.DEAD;
    file.write(-1, "after");
    file.fsync();
    assertThat(onMember(1)).isEqualTo("before after");
    assertThat(cluster.config.member(2).mode()).isEqualTo(MemberMode.ERR);
    assertThat(cluster.member(1).object(INODE).pending).containsExactly(2);
    assertThat(cluster.reports).hasSize(1);
    assertComesToRest();
  }

  @Test
  void hungMemberIsBlamedAfterItsCallTimedOut() throws Outcome {
    Opened file = open(cluster.mount());
    cluster.member(3).health = FakeMember.Health.HUNG;
    file.write(0, "x");
    long startNs = cluster.time.nowNs();
    file.flush();
    assertThat(cluster.time.nowNs() - startNs).isBetween(4 * SECOND_NS, 5 * SECOND_NS);
    assertThat(cluster.config.member(3).mode()).isEqualTo(MemberMode.ERR);
  }

  @Test
  void postOpAfterAMemberWentAwaySetsItsPendingMarkFirst() throws Outcome {
    Opened file = open(cluster.mount());
    file.write(0, "x");
    file.flush();
    cluster.setMode(2, MemberMode.ERR);
    cluster.time.pass(5 * SECOND_NS);
    assertThat(cluster.member(1).object(INODE).isDirty()).isFalse();
    assertThat(cluster.member(1).object(INODE).pending).containsExactly(2);
  }

  @Test
  void readGoesToAnotherMemberWhenOneFails() throws Outcome {
    Opened file = openWith(cluster.mount(), "data");
    cluster.member(1).health = FakeMember.Health.ROTTEN;
    cluster.member(2).health = FakeMember.Health.DEAD;
    assertThat(file.read(0, 4)).isEqualTo("data");
    cluster.member(2).health = FakeMember.Health.ROTTEN;
    cluster.member(3).health = FakeMember.Health.ROTTEN;
    assertFails(ErrorCode.CORRUPT, () -> file.read(0, 4));
  }

  @Test
  void readFromAHungMemberIsHedged() throws Outcome {
    Opened file = openWith(cluster.mount(), "data");
    cluster.member(1).health = FakeMember.Health.HUNG;
    long startNs = cluster.time.nowNs();
    assertThat(file.read(0, 4)).isEqualTo("data");
    assertThat(cluster.time.nowNs() - startNs).isLessThan(SECOND_NS);
  }

  @Test
  void readFollowsAConfigurationChange() throws Outcome {
    Opened file = openWith(cluster.mount(), "data");
    cluster.setMode(1, MemberMode.WO);
    assertThat(file.read(0, 4)).isEqualTo("data");
  }

  @Test
  void fullClusterIsNoSpaceAndBlamesNobody() throws Outcome {
    FileContent file = cluster.mount().open(INODE);
    Descriptor first = file.newDescriptor(false);
    Descriptor second = file.newDescriptor(false);
    setHealthOfAll(FakeMember.Health.FULL);
    write(file, first, 0, "x");
    assertFails(ErrorCode.NO_SPACE, () -> file.flush(first));
    assertThatCode(() -> file.flush(first)).doesNotThrowAnyException();
    assertFails(ErrorCode.NO_SPACE, () -> write(file, second, 0, "y"));
    assertThat(cluster.reports).isEmpty();
    Descriptor later = file.newDescriptor(false);
    setHealthOfAll(FakeMember.Health.UP);
    write(file, later, 0, "z");
    file.fsync(later, true);
    assertThat(onMember(1)).isEqualTo("z");
    assertThat(cluster.lockd.uncleanEnds).isEqualTo(1);
    assertComesToRest();
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
}
