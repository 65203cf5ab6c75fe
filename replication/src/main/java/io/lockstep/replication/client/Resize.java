package io.lockstep.replication.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.replication.eagerlock.Effect;
import io.lockstep.replication.eagerlock.Kind;
import io.lockstep.replication.eagerlock.Range;
import io.lockstep.replication.eagerlock.Result;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetAttributes;
import io.lockstep.wire.message.TruncateObject;

/**
 * Confined to the replication agent. A setattr with a size: first the members cut or extend the
 * object, then the master takes size, times and whatever else was asked for. Its result are the
 * attributes after it.
 */
final class Resize extends LockOp<Attributes> {
  private final Engine engine;
  private final LeasedInode inode;
  private final SetAttributes request;
  private final Descriptor.Begun begun;

  Resize(Engine engine, LeasedInode inode, SetAttributes request, Descriptor.Begun begun) {
    super(engine.newTx(), Kind.WRITE, Range.ALL, engine.operationDeadlineNs());
    this.engine = engine;
    this.inode = inode;
    this.request = request;
    this.begun = begun;
  }

  @Override
  void start(Effect.Start start) {
    if (!begun.hasItsLocks()) {
      fail(ErrorCode.IO_ERROR);
      inode.finish(this, Result.OK);
      return;
    }
    if (inode.buffer().size() == request.getSize()) {
      tellMaster(start);
      return;
    }
    engine.transact(
        inode.set(),
        (epoch, absent) ->
            Request.newBuilder()
                .setTruncateObject(
                    TruncateObject.newBuilder()
                        .setContext(inode.context(epoch, start.token(), start.cycle(), absent))
                        .setSize(request.getSize()))
                .build(),
        Payload.EMPTY,
        done -> {
          if (done.code().isOk()) {
            inode.wrote(start.cycle(), done);
            inode.buffer().changed(request.getSize(), engine.wallTimeNs());
            tellMaster(start);
          } else {
            fail(done.code());
            inode.finish(this, LeasedInode.result(done));
          }
        });
  }

  private void tellMaster(Effect.Start start) {
    SetAttributes body = request.toBuilder().setToken(Convert.message(start.token())).build();
    engine.askMaster(
        Request.newBuilder().setSetAttributes(body).build(),
        engine.times.operationNs(),
        this::onAnswered);
  }

  /**
   * If the master did not take it, the size is still untold here and goes with the next refresh.
   */
  private void onAnswered(Reply reply) {
    ErrorCode code = Replies.code(reply);
    if (code.isOk()) {
      Attributes attributes = reply.getAttributes().getAttributes();
      inode.buffer().setByMaster(attributes);
      result.complete(attributes);
    } else {
      fail(code, reply.getMessage());
    }
    inode.finish(this, code == ErrorCode.STALE_TOKEN ? Result.LEASE_LOST : Result.OK);
  }
}
