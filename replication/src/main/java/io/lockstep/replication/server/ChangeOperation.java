package io.lockstep.replication.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Outcome;
import io.lockstep.core.Token;
import io.lockstep.replication.heal.TakenRanges;
import io.lockstep.replication.marks.Decision;
import io.lockstep.replication.marks.WriteContext;
import io.lockstep.replication.store.DbBatch;
import io.lockstep.replication.store.StoredObject;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Durability;
import io.lockstep.wire.message.ObjectContext;
import java.io.IOException;
import java.util.function.Consumer;

/**
 * Confined to one disk agent once it is submitted. A change of an object by a client: epoch, mode,
 * fence, marks, then the bytes. The subclasses say which.
 */
abstract class ChangeOperation extends RequestOperation {
  /** Ranges taken from clients that a daemon keeps; more would say that heal does not advance. */
  private static final int TAKEN_RANGES_MAX = 1_000_000;

  private final ObjectContext context;
  private StoredObject object;
  private Replica.View view;

  ChangeOperation(Call call, ObjectContext context) {
    super(call);
    this.context = context;
  }

  /** Whether bytes are touched, not only marks. */
  abstract boolean touchesData();

  /** How many more bytes the disk may need; negative never. */
  abstract long bytesNeeded(StoredObject target);

  /** Refuses what no object can take. */
  abstract void checkArguments() throws Outcome;

  /** Changes the bytes and notes which, by {@link #take}. */
  abstract void apply(StoredObject target) throws Outcome;

  /** What the answer waits for. */
  Durability durability() {
    return Durability.RECEIVED;
  }

  @Override
  final boolean onDecide(DiskAgent agent, DbBatch batch) throws IOException, Outcome {
    checkDeadline(agent);
    view =
        touchesData()
            ? replica().checkWriter(context.getEpoch())
            : replica().checkSettling(context.getEpoch());
    checkArguments();
    Token token = Convert.token(context.getToken());
    if (token.equals(Token.NONE)) {
      throw new Outcome(ErrorCode.BAD_REQUEST, "a change needs the token of its lease");
    }
    object = object(agent, context.getInode());
    if (Renewal.holds(agent, replica(), object, this)) {
      return false;
    }
    Decision decision =
        agent
            .markRules()
            .onWrite(
                object.marks(),
                new WriteContext(
                    token, context.getCycle(), 0, view.epoch(), context.getAbsentList()),
                touchesData());
    if (decision instanceof Decision.Refuse refuse) {
      onRefused(agent, token, refuse.code());
    }
    checkObject(agent);
    Decision.Admit admit = (Decision.Admit) decision;
    if (admit.persist()) {
      agent.putMarks(replica(), object, admit.marks(), batch, true);
    }
    object.admit();
    return true;
  }

  private void onRefused(DiskAgent agent, Token token, ErrorCode code) throws Outcome {
    if (code == ErrorCode.STALE_TOKEN) {
      agent.counters().staleTokens.increment();
    }
    throw new Outcome(
        code,
        "object "
            + object.key()
            + " knows token "
            + object.marks().newest()
            + ", this change has "
            + token);
  }

  private void checkObject(DiskAgent agent) throws Outcome {
    if (object.failure() != null) {
      throw new Outcome(
          ErrorCode.IO_ERROR, "object " + object.key() + " stopped: " + object.failure());
    }
    if (object.isDamaged()) {
      throw new Outcome(ErrorCode.CORRUPT, "object " + object.key() + " is damaged");
    }
    long needed = bytesNeeded(object);
    if (needed > 0 && !agent.space().tryTake(needed, agent.nowNs())) {
      throw new Outcome(ErrorCode.NO_SPACE, "the disk of this member is full");
    }
    if (view.mode() == MemberMode.WO && agent.table().takenRanges() > TAKEN_RANGES_MAX) {
      throw new Outcome(
          ErrorCode.IO_ERROR, "too much was written while this member heals: it begins anew");
    }
  }

  @Override
  final void onCommitted(DiskAgent agent) throws Outcome {
    object.onExecuted();
    take(taken -> {});
    apply(object);
    if (durability() == Durability.RECEIVED) {
      reply(Replies.OK);
      return;
    }
    agent.sync(
        object,
        durability() == Durability.DATA_AND_TIMES,
        (code, message) -> {
          if (code.isOk()) {
            reply(Replies.OK);
          } else {
            onFailed(code, message);
          }
        });
  }

  /** P10: what a client of a WO member changed is not overwritten by heal. */
  final void take(Consumer<TakenRanges> change) {
    if (view.mode() == MemberMode.WO) {
      object.repair().take(view.epoch(), Convert.token(context.getToken()), change);
    }
  }

  static void checkRange(long offset, long length) throws Outcome {
    if (offset < 0 || length < 0) {
      throw new Outcome(
          ErrorCode.BAD_REQUEST, "range at offset " + offset + " of " + length + " bytes");
    }
    if (offset > Limits.FILE_BYTES_MAX || length > Limits.FILE_BYTES_MAX - offset) {
      throw new Outcome(ErrorCode.FILE_TOO_BIG, "beyond " + Limits.FILE_BYTES_MAX + " bytes");
    }
  }
}
