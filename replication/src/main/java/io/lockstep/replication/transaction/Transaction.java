package io.lockstep.replication.transaction;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.SetConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Confined to the replication agent. One change on its way to every RW and WO member (I3).
 *
 * <p>It goes to all writers of the newest configuration known, at its epoch. Every new epoch sends
 * it again to all: it is idempotent, and the members that take part write the pending marks for
 * those that do not before they answer (P2). A member that fails is reported; when the master has
 * logged it ERR, the new epoch sends again, so that done implies its pending marks (P8). Refusals
 * blame nobody and are tried again until the deadline. When all fail, nobody is blamed.
 */
public final class Transaction {
  private enum Phase {
    /** Not begun. */
    NEW,
    /** Members have it. */
    SENDING,
    /** The master was told of a member. */
    REPORTING,
    /** The set takes no writes now, or somebody refused: something is tried again after a pause. */
    PAUSING,
    /** The end. */
    DONE
  }

  /** What is known of a member in this round. */
  private enum Answer {
    NONE,
    OK,
    /** Not executed now; tried again. */
    REFUSED,
    /** The member is to blame, unless all are. */
    FAILED,
    /** Not executed, and trying again does not help. */
    FINAL
  }

  private final Flaw flaw;
  private final boolean pinned;
  private SetConfig config;
  private Phase phase = Phase.NEW;
  private int round;
  private int pause;
  private boolean sent;
  private final Map<Integer, Answer> answers = new TreeMap<>();
  private final Map<Integer, ErrorCode> codes = new TreeMap<>();
  private int reported;
  private List<Effect> effects = new ArrayList<>();

  /**
   * @param config the newest configuration that is known
   */
  public Transaction(SetConfig config) {
    this(config, false, Flaw.NONE);
  }

  private Transaction(SetConfig config, boolean pinned, Flaw flaw) {
    this.config = config;
    this.pinned = pinned;
    this.flaw = flaw;
  }

  Transaction(SetConfig config, Flaw flaw) {
    this(config, false, flaw);
  }

  /**
   * One that speaks of the members as they are in {@code config}: with a newer one it is not sent
   * again but ends with STALE_EPOCH.
   */
  public static Transaction pinnedTo(SetConfig config) {
    return new Transaction(config, true, Flaw.NONE);
  }

  public List<Effect> begin() {
    Check.that(phase == Phase.NEW, "begun in %s", phase);
    sendToAll();
    return take();
  }

  /**
   * A member answered, or the transport did for it.
   *
   * @param newer the configuration that came with STALE_EPOCH, or null
   */
  public List<Effect> onReply(int ofRound, int member, ErrorCode code, SetConfig newer) {
    if (phase != Phase.SENDING || ofRound != round || answers.get(member) != Answer.NONE) {
      return take();
    }
    if (isFenced(code)) {
      done(code, true);
      return take();
    }
    if (code == ErrorCode.STALE_EPOCH && newer != null && newer.epoch() > config.epoch()) {
      adopt(newer);
      return take();
    }
    Answer answer = answer(code);
    if (answer == Answer.FINAL) {
      done(code, false);
      return take();
    }
    answers.put(member, answer);
    codes.put(member, code);
    if (!answers.containsValue(Answer.NONE)) {
      decide();
    }
    return take();
  }

  /** A configuration came from the master, by push or by asking. */
  public List<Effect> onConfig(SetConfig newer) {
    if (phase != Phase.DONE && phase != Phase.NEW && newer.epoch() > config.epoch()) {
      adopt(newer);
    }
    return take();
  }

  /**
   * The master answered the report.
   *
   * @param newer its configuration, with OK
   */
  public List<Effect> onReportAnswered(int member, ErrorCode code, SetConfig newer) {
    if (phase != Phase.REPORTING || member != reported) {
      return take();
    }
    switch (code) {
      case OK -> {
        if (newer != null && newer.epoch() > config.epoch()) {
          adopt(newer);
        } else {
          // The master sees no reason: the member may have come back meanwhile.
          answers.put(member, Answer.REFUSED);
          pause();
        }
      }
      case TIMED_OUT, DISCONNECTED, NOT_LEADER, BUSY, CLOSING -> pause();
      case SESSION_ENDED -> done(code, true);
      default -> done(code, false);
    }
    return take();
  }

  /** The pause is over. */
  public List<Effect> onPause(int ofPause) {
    if (phase != Phase.PAUSING || ofPause != pause) {
      return take();
    }
    if (!config.isWritable()) {
      sendToAll();
    } else if (answers.containsValue(Answer.REFUSED)) {
      round++;
      phase = Phase.SENDING;
      for (Member member : config.writers()) {
        if (answers.get(member.id()) == Answer.REFUSED) {
          send(member);
        }
      }
    } else {
      decide();
    }
    return take();
  }

  /** The time of the operation is over. */
  public List<Effect> onDeadline() {
    if (phase != Phase.DONE) {
      done(ErrorCode.TIMED_OUT, false);
    }
    return take();
  }

  public boolean isDone() {
    return phase == Phase.DONE;
  }

  private void adopt(SetConfig newer) {
    if (pinned) {
      done(ErrorCode.STALE_EPOCH, false);
      return;
    }
    boolean wasReporting = phase == Phase.REPORTING;
    config = newer;
    if (flaw == Flaw.SKIPS_PENDING_MARKS
        && wasReporting
        && config.writers().stream().allMatch(m -> answers.get(m.id()) == Answer.OK)) {
      done(ErrorCode.OK, false);
      return;
    }
    sendToAll();
  }

  private void sendToAll() {
    answers.clear();
    codes.clear();
    round++;
    if (!config.open()) {
      pauseAndFetch();
    } else if (!config.isWritable()) {
      done(ErrorCode.NOT_ENOUGH_REPLICAS, false);
    } else {
      phase = Phase.SENDING;
      config.writers().forEach(this::send);
    }
  }

  private void send(Member member) {
    sent = true;
    answers.put(member.id(), Answer.NONE);
    effects.add(new Effect.Send(round, member.id(), config.epoch(), config.absent()));
  }

  /** Everybody has answered. */
  private void decide() {
    List<Member> writers = config.writers();
    long failed = writers.stream().filter(m -> answers.get(m.id()) == Answer.FAILED).count();
    if (flaw == Flaw.BLAMES_REFUSALS && answers.containsValue(Answer.REFUSED)) {
      report(writers.stream().filter(m -> answers.get(m.id()) == Answer.REFUSED).toList().get(0));
    } else if (answers.containsValue(Answer.REFUSED)) {
      boolean onlyBusy = codes.values().stream().noneMatch(Transaction::asksForConfig);
      if (onlyBusy) {
        pause();
      } else {
        pauseAndFetch();
      }
    } else if (failed == 0) {
      done(ErrorCode.OK, false);
    } else if (failed == writers.size() && flaw != Flaw.BLAMES_ALL) {
      allFailed();
    } else if (isFull(writers.size())) {
      done(ErrorCode.NO_SPACE, false);
    } else {
      report(firstFailed(writers));
    }
  }

  private Member firstFailed(List<Member> writers) {
    return writers.stream()
        .filter(m -> answers.get(m.id()) == Answer.FAILED)
        .findFirst()
        .orElseThrow(() -> Check.unreachable("nobody failed"));
  }

  private void report(Member member) {
    if (flaw == Flaw.IGNORES_WRITE_ONLY && member.mode() == MemberMode.WO) {
      done(ErrorCode.OK, false);
      return;
    }
    phase = Phase.REPORTING;
    reported = member.id();
    effects.add(
        new Effect.Report(
            config.epoch(), member.id(), member.incarnation(), codes.get(member.id())));
  }

  /**
   * Nobody is blamed. Broken connections to all of them may be a restart of all: they will be in
   * another configuration. After anything else a member may still execute it late, so it is not
   * sent again at this epoch.
   */
  private void allFailed() {
    if (codes.values().stream().allMatch(code -> code == ErrorCode.DISCONNECTED)) {
      answers.replaceAll((member, answer) -> Answer.REFUSED);
      pauseAndFetch();
    } else if (codes.containsValue(ErrorCode.NO_SPACE)) {
      done(ErrorCode.NO_SPACE, false);
    } else {
      done(codes.values().iterator().next(), false);
    }
  }

  private boolean isFull(int writers) {
    long full = codes.values().stream().filter(code -> code == ErrorCode.NO_SPACE).count();
    return 2 * full > writers;
  }

  private void pauseAndFetch() {
    effects.add(new Effect.FetchConfig());
    pause();
  }

  private void pause() {
    phase = Phase.PAUSING;
    pause++;
    effects.add(new Effect.Pause(pause));
  }

  private void done(ErrorCode code, boolean leaseLost) {
    phase = Phase.DONE;
    effects.add(new Effect.Done(code, leaseLost, sent, config.epoch(), config.absent()));
  }

  /** Somebody else has the inode by now, or it is gone. */
  private static boolean isFenced(ErrorCode code) {
    return code == ErrorCode.STALE_TOKEN
        || code == ErrorCode.OBJECT_DELETED
        || code == ErrorCode.SESSION_ENDED;
  }

  private static Answer answer(ErrorCode code) {
    return switch (code) {
      case OK -> Answer.OK;
      case TIMED_OUT, DISCONNECTED, IO_ERROR, NO_SPACE, QUOTA_EXCEEDED, CORRUPT, READ_ONLY ->
          Answer.FAILED;
      // A pending mark does not stand: it has to be set first, so trying again does not help.
      case CONFLICT -> Answer.FINAL;
      default -> code.advice() == ErrorCode.Advice.RETRY ? Answer.REFUSED : Answer.FINAL;
    };
  }

  /** Refusals after which another configuration may help. */
  private static boolean asksForConfig(ErrorCode code) {
    return switch (code) {
      case STALE_EPOCH, SET_CLOSED, NO_REPLICA, NOT_READABLE, NOT_ENOUGH_REPLICAS, CLOSING -> true;
      default -> false;
    };
  }

  private List<Effect> take() {
    if (effects.isEmpty()) {
      return List.of();
    }
    List<Effect> taken = effects;
    effects = new ArrayList<>();
    return taken;
  }
}
