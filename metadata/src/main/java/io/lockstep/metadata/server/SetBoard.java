package io.lockstep.metadata.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.SetConfig;
import io.lockstep.metadata.catalogue.Catalogue;
import io.lockstep.metadata.catalogue.KeeperRules;
import io.lockstep.metadata.catalogue.KeeperTimes;
import io.lockstep.metadata.catalogue.SetEffect;
import io.lockstep.metadata.catalogue.SetKeeper;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.AdoptConfig;
import io.lockstep.wire.message.ChangeSet;
import io.lockstep.wire.message.ListMarks;
import io.lockstep.wire.message.ListMarksReply;
import io.lockstep.wire.message.LogOperation;
import io.lockstep.wire.message.ObjectState;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.ReplicaRow;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetConfigMessage;
import io.lockstep.wire.message.SetConfigsReply;
import io.lockstep.wire.message.SetEpoch;
import io.lockstep.wire.message.SetRecord;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the master agent, but for {@link #epoch}. The keepers of all sets, and the hands that
 * do what they decide.
 */
final class SetBoard {
  private static final Logger LOG = LoggerFactory.getLogger(SetBoard.class);
  private static final int MARKS_PER_PAGE = 512;

  private record Kept(SetKeeper keeper, long volume) {}

  /** Settles every dirty object of a closed set; true if all of them are settled. */
  interface SettleAll {
    void settle(SetConfig config, List<Member> members, Consumer<Boolean> then);
  }

  private final Ports ports;

  /** Immutable. How keepers decide. */
  record Keeping(KeeperTimes times, KeeperRules rules) {}

  private final Keeping keeping;
  private final Daemons daemons;
  private final Sessions sessions;
  private final SettleAll settleAll;
  private final Consumer<SetConfig> onChanged;
  private final Map<Long, Kept> sets = new HashMap<>();
  private final Map<Long, Consumer<Reply>> tickets = new HashMap<>();
  private final ConcurrentHashMap<Long, Long> epochs = new ConcurrentHashMap<>();
  private long lastTicket;
  private long lastTickNs;

  SetBoard(
      Ports ports,
      Keeping keeping,
      Daemons daemons,
      Sessions sessions,
      SettleAll settleAll,
      Consumer<SetConfig> onChanged) {
    this.ports = ports;
    this.keeping = keeping;
    this.daemons = daemons;
    this.sessions = sessions;
    this.settleAll = settleAll;
    this.onChanged = onChanged;
  }

  /** This master begins to lead, or leads no more: the sets that are kept. */
  void begin(List<SetRecord> records) {
    lastTickNs = ports.nowNs();
    sets.clear();
    epochs.clear();
    tickets.values().forEach(ticket -> ticket.accept(notLeading()));
    tickets.clear();
    records.forEach(this::add);
  }

  private static Reply notLeading() {
    return Replies.failure(ErrorCode.NOT_LEADER, "the lead of the masters moved");
  }

  /** The set serves from now on. */
  void add(SetRecord record) {
    SetConfig config = Catalogue.config(record);
    if (!sets.containsKey(config.set())) {
      long nowNs = ports.nowNs();
      SetKeeper keeper = new SetKeeper(config, keeping.times(), keeping.rules(), nowNs);
      sets.put(config.set(), new Kept(keeper, record.getVolume()));
      epochs.put(config.set(), config.epoch());
      for (Member member : config.members()) {
        Daemons.Daemon daemon = daemons.get(member.daemon());
        if (daemon != null && daemons.isAlive(member.daemon(), nowNs)) {
          run(
              config.set(),
              keeper.onHeard(member.daemon(), daemon.incarnation(), 0, daemon.heardNs()));
        }
      }
    }
  }

  void remove(long set) {
    sets.remove(set);
    epochs.remove(set);
  }

  /** The configuration of now, or null. */
  SetConfig config(long set) {
    Kept kept = sets.get(set);
    return kept == null ? null : kept.keeper().config();
  }

  List<SetConfig> configs() {
    return sets.values().stream().map(kept -> kept.keeper().config()).toList();
  }

  /** The newest epoch of a set, 0 if it is not kept. Any thread. */
  long epoch(long set) {
    return epochs.getOrDefault(set, 0L);
  }

  /** Epochs of the sets of a volume; 0 = of all sets. */
  List<SetEpoch> epochsOf(long volume) {
    List<SetEpoch> found = new ArrayList<>();
    sets.forEach(
        (id, kept) -> {
          if (volume == 0 || kept.volume() == volume) {
            found.add(
                SetEpoch.newBuilder().setSet(id).setEpoch(kept.keeper().config().epoch()).build());
          }
        });
    return found;
  }

  /** Epochs of the sets that a daemon is a member of. */
  List<SetEpoch> epochsOf(UUID daemon) {
    return configsOf(daemon).stream()
        .map(
            config ->
                SetEpoch.newBuilder().setSet(config.getSet()).setEpoch(config.getEpoch()).build())
        .toList();
  }

  /** Configurations of the sets that a daemon is a member of. */
  List<SetConfigMessage> configsOf(UUID daemon) {
    Map<UUID, String> addresses = daemons.addresses();
    return configs().stream()
        .filter(config -> config.memberOn(daemon) != null)
        .map(config -> Convert.message(config, addresses))
        .toList();
  }

  // ---- inputs of the keepers

  void onHeard(UUID daemon, long incarnation, List<ReplicaRow> replicas) {
    Map<Long, Long> adopted = new HashMap<>();
    replicas.forEach(row -> adopted.put(row.getSet(), row.getEpoch()));
    long nowNs = ports.nowNs();
    for (Map.Entry<Long, Kept> each : List.copyOf(sets.entrySet())) {
      SetKeeper keeper = each.getValue().keeper();
      if (keeper.config().memberOn(daemon) != null) {
        long epoch = adopted.getOrDefault(each.getKey(), 0L);
        run(each.getKey(), keeper.onHeard(daemon, incarnation, epoch, nowNs));
      }
    }
  }

  /** The log has this configuration. */
  void onLogged(SetConfig config) {
    Kept kept = sets.get(config.set());
    if (kept != null) {
      LOG.info("set {} epoch {}: {}", config.set(), config.epoch(), describe(config));
      epochs.merge(config.set(), config.epoch(), Math::max);
      run(config.set(), kept.keeper().onLogged(config, ports.nowNs()));
      onChanged.accept(config);
    }
  }

  private static String describe(SetConfig config) {
    StringBuilder text = new StringBuilder(config.open() ? "open" : "closed");
    config.members().forEach(m -> text.append(' ').append(m.id()).append('=').append(m.mode()));
    return text.toString();
  }

  void onReport(
      long set, long epoch, int member, long incarnation, ErrorCode code, Consumer<Reply> then) {
    Kept kept = sets.get(set);
    if (kept == null) {
      then.accept(Replies.failure(ErrorCode.NOT_FOUND, "there is no replica set " + set));
      return;
    }
    long ticket = ticket(then);
    run(set, kept.keeper().onReport(ticket, epoch, member, incarnation, code, ports.nowNs()));
  }

  void onHealed(long set, long epoch, int member, long incarnation, Consumer<Reply> then) {
    Kept kept = sets.get(set);
    if (kept == null) {
      then.accept(Replies.failure(ErrorCode.NOT_FOUND, "there is no replica set " + set));
      return;
    }
    long ticket = ticket(then);
    run(set, kept.keeper().onHealed(ticket, epoch, member, incarnation, ports.nowNs()));
  }

  void tick() {
    long nowNs = ports.nowNs();
    long sinceNs = lastTickNs;
    boolean stalled = nowNs - sinceNs > keeping.times().heardNs() / 2;
    lastTickNs = nowNs;
    for (Map.Entry<Long, Kept> each : List.copyOf(sets.entrySet())) {
      SetKeeper keeper = each.getValue().keeper();
      if (stalled) {
        run(each.getKey(), keeper.onStalled(sinceNs, nowNs));
      }
      run(each.getKey(), keeper.onTick(nowNs));
    }
  }

  private long ticket(Consumer<Reply> then) {
    lastTicket++;
    tickets.put(lastTicket, then);
    return lastTicket;
  }

  // ---- effects

  private void run(long set, List<SetEffect> effects) {
    Kept kept = sets.get(set);
    if (kept == null) {
      return;
    }
    for (SetEffect effect : effects) {
      if (effect instanceof SetEffect.Propose propose) {
        propose(kept.keeper(), propose);
      } else if (effect instanceof SetEffect.Adopt adopt) {
        adopt(kept.keeper(), adopt);
      } else if (effect instanceof SetEffect.Push push) {
        Push message = Push.newBuilder().setSetConfig(message(push.config())).build();
        sessions.push(kept.volume(), message);
      } else if (effect instanceof SetEffect.Answer answer) {
        answer(answer);
      } else if (effect instanceof SetEffect.AskPending ask) {
        askPending(kept.keeper(), ask);
      } else if (effect instanceof SetEffect.SettleAll settle) {
        settleAll.settle(
            settle.config(),
            settle.members(),
            complete ->
                runIfKept(
                    set,
                    kept.keeper(),
                    () -> kept.keeper().onSettled(settle.round(), complete, ports.nowNs())));
      }
    }
  }

  private interface Step {
    List<SetEffect> take();
  }

  /** An answer that comes after the set was dropped, or kept anew by another term, is stale. */
  private void runIfKept(long set, SetKeeper keeper, Step step) {
    Kept kept = sets.get(set);
    if (kept != null && kept.keeper() == keeper) {
      run(set, step.take());
    }
  }

  private SetConfigMessage message(SetConfig config) {
    return Convert.message(config, daemons.addresses());
  }

  private void propose(SetKeeper keeper, SetEffect.Propose propose) {
    SetConfig config = propose.config();
    LOG.info(
        "set {}: to epoch {}: {} ({})",
        config.set(),
        config.epoch(),
        describe(config),
        propose.reason());
    ports.log(
        LogOperation.newBuilder()
            .setChangeSet(
                ChangeSet.newBuilder()
                    .setExpectedEpoch(propose.expectedEpoch())
                    .setConfig(Convert.message(config, Map.of()))
                    .setReason(propose.reason())),
        reply -> {
          if (!Replies.isOk(reply)) {
            LOG.warn("set {}: {} {}", config.set(), Replies.code(reply), reply.getMessage());
            runIfKept(config.set(), keeper, keeper::onProposalFailed);
          }
        });
  }

  private void adopt(SetKeeper keeper, SetEffect.Adopt adopt) {
    SetConfig config = adopt.config();
    Member member = adopt.member();
    Daemons.Daemon daemon = daemons.get(member.daemon());
    long incarnation = daemon == null ? 0 : daemon.incarnation();
    Request request =
        Request.newBuilder()
            .setAdoptConfig(
                AdoptConfig.newBuilder().setConfig(message(config)).setHeal(adopt.heal()))
            .build();
    ports.ask(
        member.daemon(),
        request,
        ports.times().memberCallNs(),
        reply ->
            runIfKept(
                config.set(),
                keeper,
                () ->
                    Replies.isOk(reply)
                        ? keeper.onAdopted(
                            member.id(), incarnation, config.epoch(), adopt.heal(), ports.nowNs())
                        : keeper.onAdoptFailed(member.id(), config.epoch(), ports.nowNs())));
  }

  private void answer(SetEffect.Answer answer) {
    Consumer<Reply> then = tickets.remove(answer.ticket());
    if (then != null) {
      then.accept(
          Reply.newBuilder()
              .setCode(answer.code().number())
              .setMessage(answer.message())
              .setSetConfigs(SetConfigsReply.newBuilder().addSets(message(answer.config())))
              .build());
    }
  }

  private void askPending(SetKeeper keeper, SetEffect.AskPending ask) {
    SetConfig config = ask.config();
    int[] left = {ask.sources().size()};
    boolean[] clean = {true};
    for (Member source : ask.sources()) {
      hasPending(
          config,
          source,
          ask.member().id(),
          0,
          pending -> {
            clean[0] &= !pending;
            left[0]--;
            if (left[0] == 0) {
              runIfKept(
                  config.set(),
                  keeper,
                  () -> keeper.onPendingAnswered(ask.round(), clean[0], ports.nowNs()));
            }
          });
    }
  }

  /** Whether a pending mark for the member stands at the source; true if that cannot be known. */
  private void hasPending(
      SetConfig config, Member source, int member, long cursor, Consumer<Boolean> then) {
    Request request =
        Request.newBuilder()
            .setListMarks(
                ListMarks.newBuilder()
                    .setSet(config.set())
                    .setEpoch(config.epoch())
                    .setForMember(member)
                    .setCursor(cursor)
                    .setEntriesMax(MARKS_PER_PAGE))
            .build();
    ports.ask(
        source.daemon(),
        request,
        ports.times().memberCallNs(),
        reply -> {
          ListMarksReply marks = reply.getListMarks();
          if (!Replies.isOk(reply)
              || marks.getObjectsList().stream().anyMatch(state -> isPending(state, member))) {
            then.accept(true);
          } else if (marks.getEnd() || marks.getObjectsCount() == 0) {
            then.accept(false);
          } else {
            long last = marks.getObjects(marks.getObjectsCount() - 1).getInode();
            hasPending(config, source, member, last, then);
          }
        });
  }

  private static boolean isPending(ObjectState state, int member) {
    return state.getPendingList().stream().anyMatch(mark -> mark.getMember() == member);
  }
}
