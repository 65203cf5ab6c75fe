package io.lockstep.replication.transaction;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.SetConfig;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A transaction among a model master and model members, over a network that delays, repeats and
 * loses: what it says in the end must be true of the members (I3, P2, P8).
 */
class TransactionFuzzTest {
  private static final int RUNS = 3_000;

  /** Something on its way. */
  private interface Event {
    List<Effect> happen();
  }

  private static final class ModelMember {
    long epoch;
    boolean has;
    boolean failing;
    final Set<Integer> pending = new HashSet<>();
  }

  private static final class Run {
    final Random random;
    final Transaction transaction;
    final List<Event> onTheWay = new ArrayList<>();
    final Map<Integer, ModelMember> members = new HashMap<>();
    final Map<Long, SetConfig> log = new HashMap<>();
    final Set<Integer> refusers = new HashSet<>();
    SetConfig current;
    Effect.Done done;
    boolean allFailed;

    Run(long seed, Flaw flaw) {
      random = new Random(seed);
      MemberMode[] modes = new MemberMode[3];
      for (int i = 0; i < 3; i++) {
        modes[i] = i > 0 && random.nextInt(4) == 0 ? MemberMode.WO : MemberMode.RW;
        members.put(i + 1, new ModelMember());
      }
      List<Member> list = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        list.add(new Member(i + 1, new UUID(0, i + 1), modes[i], 1));
      }
      log(new SetConfig(1, 1, 1 + random.nextInt(2), true, list));
      allFailed = random.nextInt(12) == 0;
      for (ModelMember member : members.values()) {
        member.epoch = 1;
        member.failing = allFailed;
      }
      if (random.nextInt(4) == 0) {
        refusers.add(1 + random.nextInt(3));
      }
      transaction = new Transaction(current, flaw);
    }

    void log(SetConfig config) {
      current = config;
      log.put(config.epoch(), config);
    }

    void run() {
      execute(transaction.begin());
      for (int i = 0; i < 400 && done == null; i++) {
        if (random.nextInt(40) == 0) {
          changeTheWorld();
        }
        if (onTheWay.isEmpty() || random.nextInt(200) == 0) {
          execute(transaction.onDeadline());
          break;
        }
        execute(onTheWay.remove(random.nextInt(onTheWay.size())).happen());
      }
      if (done == null) {
        execute(transaction.onDeadline());
      }
      check();
    }

    /** Members fail and recover; the master learns of restarts. */
    private void changeTheWorld() {
      int id = 1 + random.nextInt(3);
      Member member = current.member(id);
      if (allFailed) {
        return;
      }
      if (random.nextBoolean()) {
        members.get(id).failing = true;
      } else if (member.mode() == MemberMode.ERR) {
        members.get(id).failing = false;
        members.get(id).has = false;
        logMode(id, MemberMode.WO, member.incarnation() + 1);
        if (random.nextBoolean()) {
          SetConfig pushed = current;
          onTheWay.add(() -> transaction.onConfig(pushed));
        }
      }
    }

    private void logMode(int id, MemberMode mode, long incarnation) {
      List<Member> list =
          current.members().stream()
              .map(m -> m.id() == id ? m.with(mode, incarnation) : m)
              .toList();
      log(
          new SetConfig(
              current.set(), current.epoch() + 1, current.minReplicas(), current.open(), list));
    }

    private void execute(List<Effect> effects) {
      for (Effect effect : effects) {
        that(done == null, "something after the end: " + effect);
        if (effect instanceof Effect.Send send) {
          onTheWay.add(() -> deliver(send));
        } else if (effect instanceof Effect.Report report) {
          that(
              !refusers.contains(report.member()) || members.get(report.member()).failing,
              "blames " + report.member() + " for a refusal");
          that(!allFailed, "blames " + report.member() + " although all failed");
          onTheWay.add(() -> onReport(report));
        } else if (effect instanceof Effect.FetchConfig) {
          onTheWay.add(() -> transaction.onConfig(current));
        } else if (effect instanceof Effect.Pause pause) {
          onTheWay.add(() -> transaction.onPause(pause.pause()));
        } else if (effect instanceof Effect.Done end) {
          done = end;
        }
      }
    }

    private List<Effect> deliver(Effect.Send send) {
      ModelMember member = members.get(send.member());
      if (member.failing) {
        boolean executed = random.nextInt(3) == 0;
        if (executed && send.epoch() >= member.epoch) {
          apply(member, send);
        }
        return transaction.onReply(send.round(), send.member(), ErrorCode.TIMED_OUT, null);
      }
      if (refusers.contains(send.member()) && random.nextBoolean()) {
        return transaction.onReply(send.round(), send.member(), ErrorCode.BUSY, null);
      }
      // A member may have heard of the newest configuration already.
      if (random.nextBoolean()) {
        member.epoch = Math.max(member.epoch, current.epoch());
      }
      if (send.epoch() < member.epoch) {
        SetConfig newer = random.nextBoolean() ? log.get(member.epoch) : null;
        return transaction.onReply(send.round(), send.member(), ErrorCode.STALE_EPOCH, newer);
      }
      apply(member, send);
      if (random.nextInt(30) == 0) {
        member.failing = true;
        return transaction.onReply(send.round(), send.member(), ErrorCode.DISCONNECTED, null);
      }
      return transaction.onReply(send.round(), send.member(), ErrorCode.OK, null);
    }

    private static void apply(ModelMember member, Effect.Send send) {
      member.epoch = Math.max(member.epoch, send.epoch());
      member.has = true;
      member.pending.addAll(send.absent());
    }

    private List<Effect> onReport(Effect.Report report) {
      int dice = random.nextInt(6);
      if (dice == 0) {
        return transaction.onReportAnswered(report.member(), ErrorCode.TIMED_OUT, null);
      }
      Member member = current.member(report.member());
      if (report.epoch() == current.epoch() && report.incarnation() == member.incarnation()) {
        boolean last = member.mode() == MemberMode.RW && current.readers().size() == 1;
        boolean few =
            member.mode() == MemberMode.RW && current.readers().size() <= current.minReplicas();
        if (last || few) {
          return transaction.onReportAnswered(
              report.member(), ErrorCode.NOT_ENOUGH_REPLICAS, current);
        }
        logMode(report.member(), MemberMode.ERR, member.incarnation());
      }
      return transaction.onReportAnswered(report.member(), ErrorCode.OK, current);
    }

    private void check() {
      that(done != null, "never done");
      if (!done.code().isOk()) {
        return;
      }
      SetConfig at = log.get(done.epoch());
      for (Member writer : at.writers()) {
        ModelMember member = members.get(writer.id());
        that(member.has, "done, but not on " + writer);
        that(
            member.pending.containsAll(at.absent()),
            "done, but " + writer + " has no pending mark for one of " + at.absent());
      }
    }

    private static void that(boolean condition, String message) {
      if (!condition) {
        throw new AssertionError(message);
      }
    }
  }

  private static long seed() {
    long seed = Long.getLong("seed", 20_260_102L);
    System.out.println("TransactionFuzzTest -Dseed=" + seed);
    return seed;
  }

  @Test
  void doneMeansOnEveryMemberWithMarksForTheRest() {
    long seed = seed();
    int ok = 0;
    int afterFailure = 0;
    for (int i = 0; i < RUNS; i++) {
      Run run = new Run(seed + i, Flaw.NONE);
      try {
        run.run();
      } catch (AssertionError e) {
        throw new AssertionError("seed " + (seed + i), e);
      }
      ok += run.done.code().isOk() ? 1 : 0;
      afterFailure += run.done.code().isOk() && !run.done.absent().isEmpty() ? 1 : 0;
    }
    System.out.println(ok + " of " + RUNS + " done, " + afterFailure + " of them without a member");
    assertThat(ok).isGreaterThan(RUNS / 3);
    assertThat(afterFailure).isGreaterThan(RUNS / 20);
  }

  @ParameterizedTest
  @EnumSource(
      value = Flaw.class,
      names = {"IGNORES_WRITE_ONLY", "SKIPS_PENDING_MARKS", "BLAMES_ALL", "BLAMES_REFUSALS"})
  void mutantIsCaught(Flaw flaw) {
    long seed = seed();
    for (int i = 0; i < RUNS; i++) {
      try {
        new Run(seed + i, flaw).run();
      } catch (AssertionError e) {
        System.out.println(flaw + " caught after " + (i + 1) + " runs: " + e.getMessage());
        return;
      }
    }
    throw new AssertionError(flaw + " survived");
  }
}
