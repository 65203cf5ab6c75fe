package io.lockstep.replication.server;

import static io.lockstep.replication.server.TestCluster.ok;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Token;
import io.lockstep.replication.heal.HealRules;
import io.lockstep.replication.marks.DirtyMark;
import io.lockstep.replication.marks.MarkRules;
import io.lockstep.replication.marks.ObjectMarks;
import io.lockstep.wire.Payload;
import io.lockstep.wire.message.PullObject;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * One scenario for each rule, which production passes and which the production class with that one
 * decision changed does not.
 */
@Timeout(120)
class MutantsTest {
  private static final Token LEASE = new Token(5, 1);
  private static final Token NEXT = new Token(5, 2);
  private static final int SIZE = 64 * 1024;

  /** I1 changed: a replica takes writes of an older token. */
  private static final class AdmitsOlderToken extends MarkRules {
    @Override
    protected boolean isFenced(ObjectMarks marks, Token token) {
      return false;
    }
  }

  /** P7 changed: a clear removes whatever mark there is. */
  private static final class ClearsAnyCycle extends MarkRules {
    @Override
    protected boolean isTheMark(DirtyMark mark, Token token, long cycle) {
      return true;
    }
  }

  /** P2 changed: a clear does not look for the marks of the absent. */
  private static final class ClearsWithoutPending extends MarkRules {
    @Override
    protected boolean stands(ObjectMarks marks, int member) {
      return true;
    }
  }

  /** P2 changed: a copy that was healed does not say whom its source has marks about. */
  private static final class HealsWithoutPending extends MarkRules {
    @Override
    protected boolean isUntold(ObjectMarks marks, int member) {
      return false;
    }
  }

  /** P10 changed: heal overwrites what clients wrote meanwhile. */
  private static final class OverwritesClients extends HealRules {
    @Override
    protected boolean yieldsToClients() {
      return false;
    }
  }

  @TempDir Path root;

  private TestCluster cluster() {
    return new TestCluster(root, 3);
  }

  private static byte[] filled(int value, int size) {
    byte[] bytes = new byte[size];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }

  @Test
  void lateWriteOfTheOldHolderIsFenced() throws Exception {
    assertThat(oldHolderIsFenced(cluster())).isTrue();
  }

  @Test
  void admittingAnOlderTokenIsCaught() throws Exception {
    assertThat(oldHolderIsFenced(cluster().with(new AdmitsOlderToken()))).isFalse();
  }

  private static boolean oldHolderIsFenced(TestCluster fresh) throws Exception {
    try (TestCluster cluster = fresh.start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, 100));
      for (int member : cluster.writers()) {
        ok(cluster.seal(member, 1, NEXT));
      }
      cluster.writeAll(1, NEXT, 1, 0, filled(2, 100));
      cluster.call(2, cluster.write(1, LEASE, 1, 0), Payload.of(filled(1, 100)));
      return cluster.isEqual(1, 2, 1);
    }
  }

  @Test
  void lateClearLeavesTheNextCycleItsMark() throws Exception {
    assertThat(lateClearIsHarmless(cluster())).isTrue();
  }

  @Test
  void clearingAnyCycleIsCaught() throws Exception {
    assertThat(lateClearIsHarmless(cluster().with(new ClearsAnyCycle()))).isFalse();
  }

  private static boolean lateClearIsHarmless(TestCluster fresh) throws Exception {
    try (TestCluster cluster = fresh.start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, 100));
      cluster.clearAll(1, LEASE, 1);
      cluster.writeAll(1, LEASE, 2, 0, filled(2, 100));
      // A repeated clear of the first cycle arrives in the second.
      ok(cluster.clear(1, 1, LEASE, 1));
      return cluster.marks(1, 0).getObjectsCount() == 1;
    }
  }

  @Test
  void marksSpeakForTheMemberThatMissedAWrite() throws Exception {
    assertThat(absentMemberIsHealed(cluster())).isTrue();
  }

  @Test
  void clearingWithoutThePendingMarkIsCaught() throws Exception {
    assertThat(absentMemberIsHealed(cluster().with(new ClearsWithoutPending()))).isFalse();
  }

  /** The last write of a cycle misses member 3; the client forgets to repeat its pre-op. */
  private static boolean absentMemberIsHealed(TestCluster fresh) throws Exception {
    try (TestCluster cluster = fresh.start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, SIZE));
      var write = cluster.write(1, LEASE, 1, 0);
      for (int member = 1; member <= 2; member++) {
        ok(cluster.call(member, write, Payload.of(filled(2, SIZE))));
      }
      cluster.stopDaemon(3);
      cluster.become(3, MemberMode.ERR);
      cluster.adopt(false, 1, 2);
      for (int member = 1; member <= 2; member++) {
        ok(cluster.sync(member, 1));
        ErrorCode code = cluster.clear(member, 1, LEASE, 1).code();
        assertThat(code).isIn(ErrorCode.OK, ErrorCode.CONFLICT);
      }
      cluster.startDaemon(3);
      // Its own dirty mark would save it; a disk that was synced by chance has none.
      cluster.become(3, MemberMode.WO);
      cluster.adopt(false, 1, 2, 3);
      return cluster.marks(1, 3).getObjectsCount() == 1
          && cluster.marks(2, 3).getObjectsCount() == 1;
    }
  }

  @Test
  void healedCopySpeaksForThoseWhoAreStillAway() throws Exception {
    assertThat(lastMemberLeftKnowsWhoMissedIt(cluster())).isTrue();
  }

  @Test
  void healWithoutThePendingMarksOfTheSourceIsCaught() throws Exception {
    assertThat(lastMemberLeftKnowsWhoMissedIt(cluster().with(new HealsWithoutPending()))).isFalse();
  }

  /** Members 2 and 3 miss a write; 3 is healed, and then it is the only one to heal 2 from. */
  private static boolean lastMemberLeftKnowsWhoMissedIt(TestCluster fresh) throws Exception {
    try (TestCluster cluster = fresh.start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, SIZE));
      cluster.clearAll(1, LEASE, 1);
      for (int member = 2; member <= 3; member++) {
        cluster.stopDaemon(member);
        cluster.become(member, MemberMode.ERR);
      }
      cluster.adopt(false, 1);
      cluster.writeAll(1, LEASE, 2, 0, filled(2, SIZE));
      cluster.clearAll(1, LEASE, 2);
      cluster.startDaemon(3);
      cluster.become(3, MemberMode.WO);
      cluster.adopt(false, 1, 3);
      cluster.adopt(true, 3);
      cluster.awaitHealed();
      cluster.adopt(false, 1, 3);
      cluster.stopDaemon(1);
      cluster.become(1, MemberMode.ERR);
      cluster.adopt(false, 3);
      return cluster.marks(3, 2).getObjectsCount() == 1;
    }
  }

  @Test
  void readersSeeTheNewestBytesWhileAMemberIsHealed() throws Exception {
    assertThat(newestIsRead(cluster(), (c, member) -> c.read(member, 1, 0, SIZE))).isTrue();
  }

  /** I4 changed: a member answers clients as it answers heal, whatever its mode. */
  @Test
  void readOfAMemberThatIsBeingHealedIsCaught() throws Exception {
    assertThat(newestIsRead(cluster(), MutantsTest::pull)).isFalse();
  }

  private interface Reading {
    TestCluster.Answer read(TestCluster cluster, int member) throws Exception;
  }

  private static TestCluster.Answer pull(TestCluster cluster, int member) throws Exception {
    return cluster.call(
        member,
        Request.newBuilder()
            .setPullObject(
                PullObject.newBuilder()
                    .setSet(cluster.config().getSet())
                    .setInode(1)
                    .setLength(SIZE)));
  }

  /** The first who answers is the one that missed a write and waits for its heal. */
  private static boolean newestIsRead(TestCluster fresh, Reading reading) throws Exception {
    try (TestCluster cluster = fresh.start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, SIZE));
      cluster.stopDaemon(3);
      cluster.become(3, MemberMode.ERR);
      cluster.writeAll(1, LEASE, 2, 0, filled(2, SIZE));
      cluster.startDaemon(3);
      cluster.become(3, MemberMode.WO);
      cluster.adopt(false, 1, 2, 3);
      for (int member : List.of(3, 2, 1)) {
        TestCluster.Answer answer = reading.read(cluster, member);
        if (answer.code().isOk()) {
          return Arrays.equals(answer.bytes(), filled(2, SIZE));
        }
      }
      throw new AssertionError("nobody answers");
    }
  }

  @Test
  void healYieldsToWrites() throws Exception {
    assertThat(clientWinsAgainstHeal(cluster())).isTrue();
  }

  @Test
  void healThatOverwritesClientsIsCaught() throws Exception {
    assertThat(clientWinsAgainstHeal(cluster().with(new OverwritesClients()))).isFalse();
  }

  /** A client writes everywhere between the pull of the old bytes and their arrival. */
  private static boolean clientWinsAgainstHeal(TestCluster fresh) throws Exception {
    try (TestCluster cluster = fresh.start()) {
      cluster.stopDaemon(3);
      cluster.become(3, MemberMode.ERR);
      cluster.writeAll(1, LEASE, 1, 0, filled(1, SIZE));
      cluster.startDaemon(3);
      cluster.become(3, MemberMode.WO);
      cluster.adopt(false, 1, 2, 3);
      AtomicBoolean written = new AtomicBoolean();
      cluster
          .peers()
          .holdReplies(
              request ->
                  request.getBodyCase() == BodyCase.PULL_OBJECT
                          && written.compareAndSet(false, true)
                      ? CompletableFuture.runAsync(() -> writeInTheMiddle(cluster))
                      : null);
      cluster.adopt(true, 3);
      cluster.awaitHealed();
      assertThat(written).isTrue();
      return cluster.isEqual(1, 3, 1) && cluster.isEqual(1, 2, 1);
    }
  }

  private static void writeInTheMiddle(TestCluster cluster) {
    try {
      cluster.writeAll(1, LEASE, 1, 1000, filled(2, 5000));
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }
}
