package io.lockstep.replication.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.replication.heal.HealEffect;
import io.lockstep.replication.heal.Settler;
import io.lockstep.replication.heal.SourceState;
import io.lockstep.replication.marks.Decision;
import io.lockstep.replication.store.DbBatch;
import io.lockstep.replication.store.StoredObject;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.SettleObject;
import java.io.IOException;
import java.util.List;

/**
 * Confined to the control agent. Answers one SettleObject: seals the object here too, makes it
 * equal to the source that the master chose, and says what it is then (P1).
 */
final class SettleRunner implements RepairSteps.Machine {
  private final DaemonContext context;
  private final RequestOperation.Call call;
  private final SettleObject request;
  private final long task;
  private final Settler settler;
  private final RepairSteps steps;

  /**
   * @param task negative, and never used before
   */
  SettleRunner(DaemonContext context, RequestOperation.Call call, SettleObject request, long task) {
    this.context = context;
    this.call = call;
    this.request = request;
    this.task = task;
    this.settler = new Settler(request.getInode(), task, request.getSource());
    this.steps =
        new RepairSteps(
            context,
            call.replica(),
            request.getEpoch(),
            Convert.token(request.getToken()),
            member -> request.getSourceAddress(),
            this);
  }

  /** The fence first, so that no late write of the old holder comes between. */
  void start() {
    context
        .disk(request.getInode())
        .submit(
            new RequestOperation(call) {
              @Override
              boolean onDecide(DiskAgent agent, DbBatch batch) throws IOException, Outcome {
                Replica.View view = replica().checkEpoch(request.getEpoch());
                StoredObject object = object(agent, request.getInode());
                Decision decision =
                    agent
                        .markRules()
                        .onSeal(
                            object.marks(),
                            Convert.token(request.getToken()),
                            view.config().absent(),
                            view.epoch());
                if (decision instanceof Decision.Refuse refuse) {
                  throw new Outcome(
                      refuse.code(),
                      "object " + object.key() + " knows token " + object.marks().newest());
                }
                Decision.Admit admit = (Decision.Admit) decision;
                if (admit.persist()) {
                  agent.putMarks(replica(), object, admit.marks(), batch, true);
                }
                return true;
              }

              @Override
              void onCommitted(DiskAgent agent) {
                context.toControl(SettleRunner.this::onSealed);
              }
            });
  }

  private void onSealed() {
    if (request.getSource() == call.replica().view().member()) {
      steps.keep(
          request.getInode(),
          task,
          code -> {
            if (code.isOk()) {
              answer();
            } else {
              fail(code);
            }
          });
    } else {
      run(settler.onStart());
    }
  }

  private void run(List<HealEffect> effects) {
    effects.forEach(steps::run);
    if (settler.isEnded()) {
      onEnded();
    }
  }

  private void onEnded() {
    ErrorCode outcome = settler.outcome();
    if (!outcome.isOk()) {
      steps.abandon(request.getInode(), task, () -> fail(outcome));
      return;
    }
    answer();
  }

  private void answer() {
    context.counters().settledObjects.increment();
    context
        .disk(request.getInode())
        .resume(
            new RequestOperation(call) {
              @Override
              boolean onDecide(DiskAgent agent, DbBatch batch) throws IOException, Outcome {
                reply(state(object(agent, request.getInode())));
                return false;
              }
            });
  }

  private void fail(ErrorCode code) {
    call.payload().release();
    call.responder()
        .reply(
            RequestOperation.failure(
                call.replica(),
                code,
                "object "
                    + Long.toHexString(request.getInode())
                    + " cannot be made equal to member "
                    + request.getSource()));
  }

  @Override
  public void onStat(long ofTask, ErrorCode code, SourceState found) {
    run(settler.onStat(code, found));
  }

  @Override
  public void onCompared(long ofTask, ErrorCode code, byte[] source, byte[] local) {
    run(settler.onCompared(code, source, local));
  }

  @Override
  public void onDone(long ofTask, ErrorCode code) {
    run(settler.onDone(code));
  }
}
