package io.lockstep.replication.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.Outcome;
import io.lockstep.replication.heal.Found;
import io.lockstep.replication.heal.HealEffect;
import io.lockstep.replication.heal.Healer;
import io.lockstep.replication.heal.SourceState;
import io.lockstep.replication.marks.DirtyMark;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.ListMarks;
import io.lockstep.wire.message.ListMarksReply;
import io.lockstep.wire.message.ListObjects;
import io.lockstep.wire.message.ObjectState;
import io.lockstep.wire.message.PendingMark;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.ReportHealed;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetConfigMessage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the control agent. Runs one {@link Healer} at one epoch: carries out what it asks for
 * and gives it the answers, until the replica is RW or the epoch is over.
 */
final class HealRunner implements RepairSteps.Machine {
  private static final Logger LOG = LoggerFactory.getLogger(HealRunner.class);
  private static final int PAGE_ENTRIES = 256;

  private final DaemonContext context;
  private final MasterLink master;
  private final ConfigKeeper configs;
  private final Listings listings;
  private final Replica replica;
  private final Replica.View view;
  private final Healer healer;
  private final RepairSteps steps;
  private boolean stopped;
  private long counted;

  HealRunner(
      DaemonContext context,
      MasterLink master,
      ConfigKeeper configs,
      Listings listings,
      Replica replica,
      Replica.View view,
      boolean full) {
    this.context = context;
    this.master = master;
    this.configs = configs;
    this.listings = listings;
    this.replica = replica;
    this.view = view;
    this.healer = new Healer(view.config().readers().stream().map(Member::id).toList(), full);
    // Addresses may change while the epoch stays, so they are asked for each time.
    this.steps =
        new RepairSteps(
            context, replica, view.epoch(), null, member -> replica.view().address(member), this);
  }

  long epoch() {
    return view.epoch();
  }

  long objectsDone() {
    return healer.objectsDone();
  }

  long objectsFound() {
    return healer.objectsFound();
  }

  void start() {
    LOG.info(
        "set {}: heal begins at epoch {} from {}",
        Long.toHexString(replica.set),
        view.epoch(),
        view.config().readers().stream().map(Member::id).toList());
    run(healer.onStart());
  }

  /** Another epoch was adopted: answers that still come are for nobody. */
  void stop() {
    stopped = true;
  }

  private void run(List<HealEffect> effects) {
    context.counters().healedObjects.add(healer.objectsDone() - counted);
    counted = healer.objectsDone();
    for (HealEffect effect : effects) {
      if (effect instanceof HealEffect.ListSource list) {
        listSource(list);
      } else if (effect instanceof HealEffect.ListOwn list) {
        listOwn(list);
      } else if (effect instanceof HealEffect.Report) {
        report();
      } else if (effect instanceof HealEffect.Pause pause) {
        context
            .control()
            .schedule(
                pause.delayNs(), () -> ifRunning(() -> run(healer.onPauseOver(pause.sweep()))));
      } else {
        steps.run(effect);
      }
    }
  }

  private void ifRunning(Runnable step) {
    if (!stopped) {
      step.run();
    }
  }

  private void listSource(HealEffect.ListSource effect) {
    Request.Builder request = Request.newBuilder();
    if (effect.all()) {
      request.setListObjects(
          ListObjects.newBuilder()
              .setSet(replica.set)
              .setCursor(effect.cursor())
              .setEntriesMax(PAGE_ENTRIES));
    } else {
      request.setListMarks(
          ListMarks.newBuilder()
              .setSet(replica.set)
              .setEpoch(view.epoch())
              .setForMember(view.member())
              .setCursor(effect.cursor())
              .setEntriesMax(PAGE_ENTRIES));
    }
    String address = replica.view().address(effect.member());
    if (address.isEmpty()) {
      onListed(effect, Replies.failure(ErrorCode.DISCONNECTED, "it is away"));
      return;
    }
    context
        .peers()
        .peer(address)
        .call(
            request.build(),
            context.options().callTimeoutNs(),
            (reply, payload) -> {
              payload.release();
              context.toControl(() -> onListed(effect, reply));
            });
  }

  private void onListed(HealEffect.ListSource effect, Reply reply) {
    ErrorCode code = Replies.code(reply);
    if (!code.isOk()) {
      replica.note(
          "heal: member "
              + effect.member()
              + " does not list its marks: "
              + code
              + " "
              + reply.getMessage());
      configs.onEpochHeard(replica.set, reply.getConfig().getEpoch());
    }
    ListMarksReply page = reply.getListMarks();
    List<Found> found = new ArrayList<>();
    for (ObjectState object : page.getObjectsList()) {
      found.add(new Found(object.getInode(), pendingVersion(object), dirty(object)));
    }
    ErrorCode heard = code.isOk() && !reply.hasListMarks() ? ErrorCode.BAD_REQUEST : code;
    ifRunning(
        () -> run(healer.onListed(effect.sweep(), effect.member(), heard, found, page.getEnd())));
  }

  private static @Nullable DirtyMark dirty(ObjectState object) {
    return object.getDirty()
        ? new DirtyMark(Convert.token(object.getDirtyToken()), object.getDirtyCycle(), 0)
        : null;
  }

  private long pendingVersion(ObjectState object) {
    for (PendingMark mark : object.getPendingList()) {
      if (mark.getMember() == view.member()) {
        return mark.getVersion();
      }
    }
    return 0;
  }

  private void listOwn(HealEffect.ListOwn effect) {
    context.onIo(
        () -> {
          Listings.OwnPage page = new Listings.OwnPage(List.of(), true);
          ErrorCode code = ErrorCode.OK;
          try {
            page = listings.own(replica.set, effect.cursor());
          } catch (IOException e) {
            code = ErrorCode.IO_ERROR;
          } catch (Outcome e) {
            code = e.code();
          }
          ErrorCode outcome = code;
          Listings.OwnPage found = page;
          context.toControl(
              () ->
                  ifRunning(
                      () ->
                          run(
                              healer.onOwnListed(
                                  effect.sweep(), outcome, found.objects(), found.end()))));
        });
  }

  private void report() {
    master.ask(
        Request.newBuilder()
            .setReportHealed(
                ReportHealed.newBuilder()
                    .setSet(replica.set)
                    .setEpoch(view.epoch())
                    .setMember(view.member())
                    .setIncarnation(context.data().incarnation()))
            .build(),
        reply -> ifRunning(() -> onReported(reply)));
  }

  private void onReported(Reply reply) {
    ErrorCode code = Replies.code(reply);
    LOG.info(
        "set {}: healed {} objects at epoch {}: master says {} {}",
        Long.toHexString(replica.set),
        healer.objectsDone(),
        view.epoch(),
        code,
        reply.getMessage());
    if (code.isOk()) {
      replica.note("");
    }
    run(healer.onReported(code));
    for (SetConfigMessage config : reply.getSetConfigs().getSetsList()) {
      configs.adopt(config, (ignored, message) -> {});
    }
  }

  @Override
  public void onStat(long task, ErrorCode code, SourceState found) {
    noteFailure("state", code);
    ifRunning(() -> run(healer.onStat(task, code, found)));
  }

  @Override
  public void onCompared(long task, ErrorCode code, byte[] source, byte[] local) {
    noteFailure("compare", code);
    ifRunning(() -> run(healer.onCompared(task, code, source, local)));
  }

  @Override
  public void onDone(long task, ErrorCode code) {
    noteFailure("copy", code);
    ifRunning(() -> run(healer.onDone(task, code)));
  }

  private void noteFailure(String step, ErrorCode code) {
    if (!code.isOk()) {
      replica.note("heal: " + step + " failed: " + code);
    }
  }
}
