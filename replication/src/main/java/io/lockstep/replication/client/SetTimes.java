package io.lockstep.replication.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.replication.eagerlock.Effect;
import io.lockstep.replication.eagerlock.Kind;
import io.lockstep.replication.eagerlock.Range;
import io.lockstep.replication.eagerlock.Result;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetAttributes;

/**
 * Confined to the replication agent. utimens under the exclusive lease (P14): the master has heard
 * the times of all earlier writes before, so that the user's stay until the next write. Touches no
 * member, so it is a hold and belongs to no cycle.
 */
final class SetTimes extends LockOp<Attributes> {
  private final Engine engine;
  private final LeasedInode inode;
  private final SetAttributes request;

  SetTimes(Engine engine, LeasedInode inode, SetAttributes request, long deadlineNs) {
    super(engine.newTx(), Kind.HOLD, Range.ALL, deadlineNs);
    this.engine = engine;
    this.inode = inode;
    this.request = request;
  }

  @Override
  void start(Effect.Start start) {
    engine.refresher.refresh(
        inode,
        told -> {
          if (!told) {
            fail(ErrorCode.TIMED_OUT);
            inode.finish(this, Result.OK);
            return;
          }
          SetAttributes body = request.toBuilder().setToken(Convert.message(start.token())).build();
          engine.askMaster(
              Request.newBuilder().setSetAttributes(body).build(),
              engine.times.operationNs(),
              this::onAnswered);
        });
  }

  private void onAnswered(Reply reply) {
    ErrorCode code = Replies.code(reply);
    if (code.isOk()) {
      Attributes attributes = reply.getAttributes().getAttributes();
      inode.buffer().setByMaster(attributes);
      result.complete(attributes);
    } else {
      fail(code, reply.getMessage());
    }
    inode.finish(this, Result.OK);
  }
}
