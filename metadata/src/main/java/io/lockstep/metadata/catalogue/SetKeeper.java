package io.lockstep.metadata.catalogue;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.SetConfig;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * Confined to the master agent. Keeps the configuration of one replica set: which change to log
 * next, and which members to tell. The truth is the log's; this decides by what it hears, and waits
 * for the log before anything counts (P3, P8, P9).
 *
 * <p>It looks at levels, not at edges: each input changes what is known, then {@link #decide}
 * derives what follows. At most one proposal is in flight; whatever comes meanwhile is looked at
 * when it landed.
 *
 * <p>Rules, in this order: reports of failures; members that return; then by state. OPEN: WO
 * members heal once every RW member has adopted the epoch, and turn RW when they report so and no
 * pending mark is left. GATHERING: no RW member of a logged run is left, wait for enough of them.
 * SETTLING: those settle what is dirty; then the set opens.
 */
public final class SetKeeper {
  /** Where the set stands. */
  public enum State {
    /** It serves. */
    OPEN,
    /** Closed; waits for enough of the members that the log calls RW. */
    GATHERING,
    /** Closed; the gathered members settle. */
    SETTLING;

    boolean mayBecome(State next) {
      return switch (this) {
        case OPEN -> next == GATHERING;
        case GATHERING -> true;
        case SETTLING -> next != SETTLING;
      };
    }
  }

  private static final int ADOPT_FAILURES_MAX = 3;

  private record FailureReport(
      long ticket, long epoch, int member, long incarnation, ErrorCode code) {}

  /** A WO member that says it is healed, and how far the question whether it is has come. */
  private static final class Promotion {
    final long ticket;
    final Member member;
    final long epoch;
    final long round;
    boolean clean;

    Promotion(long ticket, Member member, long epoch, long round) {
      this.ticket = ticket;
      this.member = member;
      this.epoch = epoch;
      this.round = round;
    }
  }

  private final KeeperTimes times;
  private final KeeperRules rules;
  private final long startNs;
  private final Map<Integer, MemberWatch> watches = new HashMap<>();
  private final ArrayDeque<FailureReport> reports = new ArrayDeque<>();
  private final List<SetEffect> effects = new ArrayList<>();

  private SetConfig config;
  private State state;
  private SetEffect.Propose proposal;
  private Promotion promotion;
  private long round;
  // When the configuration of now was logged, or this master began to lead.
  private long configNs;
  private List<Member> settling = List.of();

  public SetKeeper(SetConfig config, KeeperTimes times, long nowNs) {
    this(config, times, KeeperRules.PRODUCTION, nowNs);
  }

  public SetKeeper(SetConfig config, KeeperTimes times, KeeperRules rules, long nowNs) {
    this.config = config;
    this.times = times;
    this.rules = rules;
    this.startNs = nowNs;
    this.configNs = nowNs;
    this.state = config.open() ? State.OPEN : State.GATHERING;
  }

  public SetConfig config() {
    return config;
  }

  public State state() {
    return state;
  }

  // ---- inputs

  /**
   * A daemon registered or sent its heartbeat.
   *
   * @param adoptedEpoch that it has adopted for this set; 0 = it did not say
   */
  public List<SetEffect> onHeard(UUID daemon, long incarnation, long adoptedEpoch, long nowNs) {
    Member member = config.memberOn(daemon);
    if (member != null && Long.compareUnsigned(incarnation, member.incarnation()) >= 0) {
      MemberWatch watch = watch(member);
      if (Long.compareUnsigned(incarnation, watch.incarnation()) >= 0) {
        watch.onHeard(incarnation, adoptedEpoch, nowNs);
      }
    }
    return decide(nowNs);
  }

  /**
   * The master stood still since {@code sinceNs}, for longer than a heartbeat: that silence says
   * nothing about daemons.
   */
  public List<SetEffect> onStalled(long sinceNs, long nowNs) {
    watches.values().forEach(watch -> watch.onStalled(sinceNs, nowNs));
    return drain();
  }

  /** A client, or the master itself, says that a member failed it (P8). Answered by ticket. */
  public List<SetEffect> onReport(
      long ticket, long epoch, int member, long incarnation, ErrorCode code, long nowNs) {
    reports.add(new FailureReport(ticket, epoch, member, incarnation, code));
    return decide(nowNs);
  }

  /** A WO member says that it has healed everything as of {@code epoch} (P9). */
  public List<SetEffect> onHealed(
      long ticket, long epoch, int memberId, long incarnation, long nowNs) {
    Member member = config.member(memberId);
    boolean current =
        member != null
            && state == State.OPEN
            && proposal == null
            && promotion == null
            && epoch == config.epoch()
            && member.mode() == MemberMode.WO
            && member.incarnation() == incarnation
            && isBarrierUp();
    if (!current) {
      answer(ticket, ErrorCode.CONFLICT, "the set is at epoch " + config.epoch());
    } else {
      promotion = new Promotion(ticket, member, epoch, ++round);
      effects.add(new SetEffect.AskPending(round, config, member, config.readers()));
    }
    return decide(nowNs);
  }

  /**
   * What AskPending found.
   *
   * @param clean every member asked has answered, and no pending mark stands
   */
  public List<SetEffect> onPendingAnswered(long askedRound, boolean clean, long nowNs) {
    if (promotion != null && promotion.round == askedRound) {
      if (rules.isHealed(clean) && promotion.epoch == config.epoch()) {
        promotion.clean = true;
      } else {
        endPromotion(ErrorCode.CONFLICT, "not healed yet");
      }
    }
    return decide(nowNs);
  }

  /** What SettleAll came to. */
  public List<SetEffect> onSettled(long settledRound, boolean complete, long nowNs) {
    if (state == State.SETTLING && settledRound == round) {
      if (complete && proposal == null) {
        reopen(nowNs);
      } else if (proposal == null) {
        become(State.GATHERING);
      }
    }
    return decide(nowNs);
  }

  /** A member answered AdoptConfig with OK. */
  public List<SetEffect> onAdopted(
      int memberId, long incarnation, long epoch, boolean heal, long nowNs) {
    Member member = config.member(memberId);
    if (member != null) {
      MemberWatch watch = watch(member);
      watch.onAdopted(incarnation, epoch);
      if (heal && epoch == config.epoch() && incarnation == watch.incarnation()) {
        watch.onHealConfirmed();
      }
    }
    return decide(nowNs);
  }

  /** A member did not answer AdoptConfig, or refused. */
  public List<SetEffect> onAdoptFailed(int memberId, long epoch, long nowNs) {
    Member member = config.member(memberId);
    if (member != null && epoch == config.epoch()) {
      watch(member).onAdoptFailed();
    }
    return decide(nowNs);
  }

  /** The log has this configuration now. */
  public List<SetEffect> onLogged(SetConfig logged, long nowNs) {
    if (logged.epoch() <= config.epoch()) {
      return decide(nowNs);
    }
    for (Member member : logged.members()) {
      Member former = config.member(member.id());
      if (member.mode() == MemberMode.ERR && (former == null || former.mode() != MemberMode.ERR)) {
        watch(member).onFailed(nowNs);
      }
      watch(member).onConfigChanged();
    }
    boolean wasOpen = config.open();
    config = logged;
    configNs = nowNs;
    proposal = null;
    if (wasOpen && !logged.open()) {
      become(State.GATHERING);
    } else if (!wasOpen && logged.open()) {
      become(State.OPEN);
    }
    effects.add(new SetEffect.Push(config));
    if (promotion != null) {
      Member promoted = config.member(promotion.member.id());
      boolean done = promoted != null && promoted.mode() == MemberMode.RW;
      endPromotion(
          done ? ErrorCode.OK : ErrorCode.CONFLICT,
          done ? "" : "the set is at epoch " + config.epoch());
    }
    return decide(nowNs);
  }

  /** The proposal in flight did not reach the log; it is made anew, if it still fits, by a tick. */
  public List<SetEffect> onProposalFailed() {
    proposal = null;
    if (state == State.SETTLING) {
      become(State.GATHERING);
    }
    return drain();
  }

  /** Time passes: about every half second. */
  public List<SetEffect> onTick(long nowNs) {
    return decide(nowNs);
  }

  // ---- decisions

  private List<SetEffect> decide(long nowNs) {
    if (proposal == null) {
      decideReports(nowNs);
    }
    if (proposal == null) {
      decideReturns(nowNs);
    }
    if (proposal == null) {
      switch (state) {
        case OPEN -> decideOpen(nowNs);
        case GATHERING -> decideGathering(nowNs);
        case SETTLING -> decideSettling(nowNs);
      }
    }
    tellMembers(nowNs);
    return drain();
  }

  private List<SetEffect> drain() {
    List<SetEffect> result = List.copyOf(effects);
    effects.clear();
    return result;
  }

  /** P8. A report that leads to a change waits at the head until the change is logged. */
  private void decideReports(long nowNs) {
    while (proposal == null && !reports.isEmpty()) {
      FailureReport report = reports.peek();
      Member member = config.member(report.member());
      if (!config.open()
          || member == null
          || report.epoch() != config.epoch()
          || report.incarnation() != member.incarnation()
          || member.mode() == MemberMode.ERR) {
        reports.remove();
        answer(report.ticket(), ErrorCode.OK, "");
      } else if (!isBlame(report.code())) {
        reports.remove();
        answer(report.ticket(), ErrorCode.INVALID_ARGUMENT, report.code() + " blames no member");
      } else {
        decideReport(report, member, nowNs);
      }
    }
  }

  private void decideReport(FailureReport report, Member member, long nowNs) {
    int left = config.readers().size() - (member.mode() == MemberMode.RW ? 1 : 0);
    boolean heard = watch(member).isHeardAs(member, nowNs);
    // Who has just begun has heard nobody: the last one in step must not be one that is dead.
    boolean lonely = noOtherReaderIsHeard(member, nowNs);
    boolean condemned =
        member.mode() == MemberMode.WO
            || rules.mayCondemn(left, config.minReplicas(), heard || lonely);
    if (condemned) {
      propose(
          replace(member.with(MemberMode.ERR, member.incarnation())),
          config.open(),
          "member " + member.id() + " failed a client: " + report.code());
    } else {
      reports.remove();
      answer(
          report.ticket(),
          ErrorCode.NOT_ENOUGH_REPLICAS,
          left == 0
              ? "member " + member.id() + " is the last in step"
              : "member "
                  + member.id()
                  + (heard ? " is heard" : " and all others in step are silent")
                  + ", and without it "
                  + left
                  + " are in step, "
                  + config.minReplicas()
                  + " are needed");
    }
  }

  private boolean noOtherReaderIsHeard(Member member, long nowNs) {
    return config.readers().stream()
        .noneMatch(other -> other.id() != member.id() && watch(other).isHeardAs(other, nowNs));
  }

  private static boolean isBlame(ErrorCode code) {
    return switch (code) {
      case TIMED_OUT, DISCONNECTED, IO_ERROR, NO_SPACE, CORRUPT, NO_REPLICA, CLOSING -> true;
      default -> false;
    };
  }

  /** P3: a new run of a daemon is not in step; and ERR members come back. */
  private void decideReturns(long nowNs) {
    boolean anyInStep =
        config.readers().stream().anyMatch(member -> watch(member).isHeardAs(member, nowNs));
    if (!anyInStep) {
      maybeClose(nowNs);
      return;
    }
    List<Member> next = new ArrayList<>();
    List<Integer> returned = new ArrayList<>();
    for (Member member : config.members()) {
      MemberWatch watch = watch(member);
      boolean returns =
          member.mode() == MemberMode.ERR
              ? watch.mayReturn(member, nowNs)
              : rules.isOutOfStep(watch.isRestarted(member, nowNs));
      next.add(returns ? member.with(MemberMode.WO, watch.incarnation()) : member);
      if (returns) {
        returned.add(member.id());
      }
    }
    if (!returned.isEmpty()) {
      propose(next, true, "members " + returned + " are back, to be healed");
    } else if (!config.open()) {
      propose(next, true, "a member is in step after all");
    }
  }

  /** No RW member of a logged run is there: close, unless the others may just not be heard yet. */
  private void maybeClose(long nowNs) {
    List<Member> readers = config.readers();
    long restarted = readers.stream().filter(m -> watch(m).isRestarted(m, nowNs)).count();
    boolean sure = restarted == readers.size() || nowNs - startNs >= times.heardNs();
    if (config.open() && restarted > 0 && sure) {
      propose(config.members(), false, "no member in step is left: all have restarted");
    }
  }

  /** P9: the barrier, and the step from WO to RW behind it. */
  private void decideOpen(long nowNs) {
    if (config.members().stream().noneMatch(member -> member.mode() == MemberMode.WO)) {
      return;
    }
    if (!isBarrierUp()) {
      maybeDropSilent(nowNs);
    } else if (promotion != null && promotion.clean) {
      Member member = config.member(promotion.member.id());
      if (watch(member).isHeardAs(member, nowNs)) {
        propose(
            replace(member.with(MemberMode.RW, member.incarnation())),
            true,
            "member " + member.id() + " is healed");
      } else {
        endPromotion(ErrorCode.CONFLICT, "member " + member.id() + " is not heard");
      }
    }
  }

  private boolean isBarrierUp() {
    return rules.isBarrierUp(
        config.readers().stream().allMatch(member -> watch(member).hasAdopted(config.epoch())));
  }

  /** An RW member that does not adopt holds up everybody's return: if it can go, it goes. */
  private void maybeDropSilent(long nowNs) {
    List<Member> readers = config.readers();
    for (Member member : readers) {
      MemberWatch watch = watch(member);
      long othersHeard =
          readers.stream()
              .filter(other -> other.id() != member.id() && watch(other).isHeardAs(other, nowNs))
              .count();
      boolean gone = !watch.isHeard(nowNs) && nowNs - configNs >= times.heardNs();
      boolean mute =
          watch.adoptFailures() >= ADOPT_FAILURES_MAX && othersHeard >= config.minReplicas();
      if (!watch.hasAdopted(config.epoch()) && othersHeard > 0 && (gone || mute)) {
        propose(
            replace(member.with(MemberMode.ERR, member.incarnation())),
            true,
            "member " + member.id() + " does not adopt epoch " + config.epoch());
        return;
      }
    }
  }

  /** P3: enough of the members that the log calls RW, and best all of them. */
  private void decideGathering(long nowNs) {
    List<Member> readers = config.readers();
    List<Member> present = present(nowNs);
    int needed = Math.max(1, Math.min(config.minReplicas(), readers.size()));
    boolean all = present.size() == readers.size();
    boolean enough = present.size() >= needed && nowNs - configNs >= times.gatherNs();
    boolean adopted = present.stream().allMatch(member -> watch(member).hasAdopted(config.epoch()));
    if ((all || enough) && adopted && !present.isEmpty()) {
      become(State.SETTLING);
      settling = present;
      effects.add(new SetEffect.SettleAll(++round, config, present));
    }
  }

  private void decideSettling(long nowNs) {
    if (!present(nowNs).containsAll(settling)) {
      become(State.GATHERING);
    }
  }

  /** Members that the log calls RW and that are there, with the run that is there. */
  private List<Member> present(long nowNs) {
    return config.readers().stream()
        .filter(member -> watch(member).isHeard(nowNs))
        .map(member -> member.with(MemberMode.RW, watch(member).incarnation()))
        .toList();
  }

  private void reopen(long nowNs) {
    List<Member> next = new ArrayList<>();
    for (Member member : config.members()) {
      MemberWatch watch = watch(member);
      Member settled =
          settling.stream().filter(each -> each.id() == member.id()).findAny().orElse(null);
      if (settled != null) {
        next.add(settled);
      } else if (member.mode() == MemberMode.WO && watch.isHeard(nowNs)) {
        next.add(member.with(MemberMode.WO, watch.incarnation()));
      } else {
        next.add(member.with(MemberMode.ERR, member.incarnation()));
      }
    }
    // Memory of the members that ran before is gone, and with it what nobody synced.
    propose(next, true, config.epoch() + 1, "settled after a restart of all");
  }

  private void propose(List<Member> members, boolean open, String reason) {
    propose(members, open, config.openedEpoch(), reason);
  }

  private void propose(List<Member> members, boolean open, long openedEpoch, String reason) {
    Check.that(
        members.stream().anyMatch(member -> member.mode() == MemberMode.RW),
        "set %d would lose its last member in step: %s",
        config.set(),
        members);
    SetConfig next =
        new SetConfig(
            config.set(), config.epoch() + 1, config.minReplicas(), open, openedEpoch, members);
    proposal = new SetEffect.Propose(config.epoch(), next, reason);
    effects.add(proposal);
  }

  private void tellMembers(long nowNs) {
    for (Member member : config.members()) {
      MemberWatch watch = watch(member);
      if (!watch.isHeard(nowNs)) {
        continue;
      }
      boolean adopted = watch.hasAdopted(config.epoch());
      boolean heal =
          state == State.OPEN
              && adopted
              && member.mode() == MemberMode.WO
              && watch.isHeardAs(member, nowNs)
              && isBarrierUp()
              && !watch.isHealConfirmed();
      if ((!adopted || heal) && watch.trySend(config.epoch(), heal, nowNs)) {
        effects.add(new SetEffect.Adopt(member, config, heal));
      }
    }
  }

  private List<Member> replace(Member changed) {
    return config.members().stream().map(m -> m.id() == changed.id() ? changed : m).toList();
  }

  private void endPromotion(ErrorCode code, String message) {
    answer(promotion.ticket, code, message);
    promotion = null;
  }

  private void answer(long ticket, ErrorCode code, String message) {
    effects.add(new SetEffect.Answer(ticket, code, config, message));
  }

  private MemberWatch watch(Member member) {
    return watches.computeIfAbsent(member.id(), id -> new MemberWatch(times));
  }

  private void become(State next) {
    Check.that(state.mayBecome(next), "set %d: %s -> %s", config.set(), state, next);
    state = next;
  }
}
