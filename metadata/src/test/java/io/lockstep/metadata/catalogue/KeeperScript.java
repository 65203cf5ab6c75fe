package io.lockstep.metadata.catalogue;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.SetConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * Confined to one test. Runs a script of inputs against a {@link SetKeeper} and writes down
 * everything that it does. Lines with {@code >} are inputs, the others what came of them:
 *
 * <pre>
 * > set MIN MODE...            the configuration at epoch 1, run 1 of every member
 * > closed                     it is closed
 * > hear ID...                 heartbeats of the runs of now; those go on with every tick
 * > restart ID...              new runs register
 * > silent ID...               no more heartbeats
 * > wait MS                    ticks of 100 ms
 * > adopt ID...                answer OK to the newest AdoptConfig sent to them
 * > refuse ID...               no answer to it
 * > log                        the proposal reaches the log
 * > report ID CODE             a client reports, at the epoch and run of the configuration of now
 * > report-old ID CODE         the same, one epoch late
 * > healed ID                  a member says so, at the epoch of now
 * > pending clean|left         answer to AskPending
 * > settled yes|no             answer to SettleAll
 * </pre>
 */
final class KeeperScript {
  private static final KeeperTimes TIMES =
      new KeeperTimes(
          TimeUnit.SECONDS.toNanos(3),
          TimeUnit.SECONDS.toNanos(5),
          TimeUnit.SECONDS.toNanos(2),
          TimeUnit.SECONDS.toNanos(60),
          TimeUnit.SECONDS.toNanos(1));
  private static final long TICK_NS = TimeUnit.MILLISECONDS.toNanos(100);

  private KeeperRules rules;

  private final StringBuilder transcript = new StringBuilder();
  private final TreeMap<Integer, Long> runs = new TreeMap<>();
  private final TreeMap<Integer, Boolean> heard = new TreeMap<>();
  private final TreeMap<Integer, SetEffect.Adopt> adopts = new TreeMap<>();
  private SetKeeper keeper;
  private SetEffect.Propose proposal;
  private SetKeeper.State shown;
  private long nowNs;
  private long lastTicket;
  private long askedRound;
  private long settleRound;

  static String run(String script) {
    return run(script, KeeperRules.PRODUCTION);
  }

  static String run(String script, KeeperRules rules) {
    KeeperScript runner = new KeeperScript();
    runner.rules = rules;
    script.lines().filter(line -> line.startsWith(">")).forEach(runner::step);
    return runner.transcript.toString();
  }

  private void step(String line) {
    transcript.append(line).append('\n');
    List<String> words = new ArrayList<>(Arrays.asList(line.substring(1).trim().split(" +")));
    String command = words.remove(0);
    switch (command) {
      case "set" -> begin(words);
      case "hear" -> each(words, id -> hear(id, true));
      case "silent" -> each(words, id -> heard.put(id, false));
      case "restart" ->
          each(
              words,
              id -> {
                runs.merge(id, 1L, Long::sum);
                hear(id, true);
              });
      case "wait" -> pass(Long.parseLong(words.get(0)));
      case "adopt" -> each(words, this::adopt);
      case "refuse" ->
          each(
              words,
              id -> show(keeper.onAdoptFailed(id, adopts.remove(id).config().epoch(), nowNs)));
      case "log" -> {
        SetConfig logged = proposal.config();
        proposal = null;
        show(keeper.onLogged(logged, nowNs));
      }
      case "report" -> report(words, keeper.config().epoch());
      case "report-old" -> report(words, keeper.config().epoch() - 1);
      case "healed" -> {
        Member member = keeper.config().member(Integer.parseInt(words.get(0)));
        show(
            keeper.onHealed(
                ++lastTicket, keeper.config().epoch(), member.id(), runs.get(member.id()), nowNs));
      }
      case "pending" ->
          show(keeper.onPendingAnswered(askedRound, words.get(0).equals("clean"), nowNs));
      case "settled" -> show(keeper.onSettled(settleRound, words.get(0).equals("yes"), nowNs));
      default -> throw Check.unreachable("unknown command in '%s'", line);
    }
  }

  private interface OfMember {
    void take(int id);
  }

  private static void each(List<String> words, OfMember then) {
    words.forEach(word -> then.take(Integer.parseInt(word)));
  }

  private void begin(List<String> words) {
    List<Member> members = new ArrayList<>();
    for (String mode : words.subList(1, words.size())) {
      int id = members.size() + 1;
      members.add(new Member(id, new UUID(0, id), MemberMode.valueOf(mode), 1));
      runs.put(id, 1L);
    }
    int minReplicas = Integer.parseInt(words.get(0));
    keeper = new SetKeeper(new SetConfig(7, 1, minReplicas, true, members), TIMES, rules, nowNs);
    shown = keeper.state();
  }

  private void hear(int id, boolean isHeard) {
    heard.put(id, isHeard);
    show(keeper.onHeard(new UUID(0, id), runs.get(id), 0, nowNs));
  }

  private void pass(long ms) {
    long endNs = nowNs + TimeUnit.MILLISECONDS.toNanos(ms);
    while (nowNs < endNs) {
      nowNs += TICK_NS;
      heard.forEach(
          (id, isHeard) -> {
            if (isHeard) {
              show(keeper.onHeard(new UUID(0, id), runs.get(id), 0, nowNs));
            }
          });
      show(keeper.onTick(nowNs));
    }
  }

  private void adopt(int id) {
    SetEffect.Adopt adopt = adopts.remove(id);
    Check.that(adopt != null, "member %d was sent nothing", id);
    show(keeper.onAdopted(id, runs.get(id), adopt.config().epoch(), adopt.heal(), nowNs));
  }

  private void report(List<String> words, long epoch) {
    Member member = keeper.config().member(Integer.parseInt(words.get(0)));
    ErrorCode code = ErrorCode.valueOf(words.get(1));
    show(keeper.onReport(++lastTicket, epoch, member.id(), member.incarnation(), code, nowNs));
  }

  private void show(List<SetEffect> effects) {
    for (SetEffect effect : effects) {
      transcript.append("  ").append(describe(effect)).append('\n');
    }
    if (keeper.state() != shown) {
      shown = keeper.state();
      transcript.append("  = ").append(shown).append('\n');
    }
  }

  private String describe(SetEffect effect) {
    if (effect instanceof SetEffect.Propose propose) {
      proposal = propose;
      return "propose " + describe(propose.config()) + " (" + propose.reason() + ")";
    } else if (effect instanceof SetEffect.Adopt adopt) {
      adopts.put(adopt.member().id(), adopt);
      return "adopt "
          + adopt.member().id()
          + " epoch "
          + adopt.config().epoch()
          + (adopt.heal() ? " and heal" : "");
    } else if (effect instanceof SetEffect.Push push) {
      return "push epoch " + push.config().epoch();
    } else if (effect instanceof SetEffect.Answer answer) {
      return "answer "
          + answer.ticket()
          + " "
          + answer.code()
          + " epoch "
          + answer.config().epoch()
          + (answer.message().isEmpty() ? "" : " (" + answer.message() + ")");
    } else if (effect instanceof SetEffect.AskPending ask) {
      askedRound = ask.round();
      return "ask-pending of " + ask.member().id() + " at " + ids(ask.sources());
    } else if (effect instanceof SetEffect.SettleAll settle) {
      settleRound = settle.round();
      return "settle-all among " + ids(settle.members());
    }
    throw Check.unreachable("unknown effect %s", effect);
  }

  private static List<Integer> ids(List<Member> members) {
    return members.stream().map(Member::id).toList();
  }

  private static String describe(SetConfig config) {
    StringBuilder text = new StringBuilder("epoch " + config.epoch());
    text.append(config.open() ? " open" : " closed");
    text.append(config.openedEpoch() == config.epoch() ? " anew" : "");
    for (Member member : config.members()) {
      text.append(" ").append(member.mode()).append(".").append(member.incarnation());
    }
    return text.toString();
  }
}
