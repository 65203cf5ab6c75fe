package io.lockstep.replication.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.replication.eagerlock.Effect;
import io.lockstep.replication.eagerlock.Kind;
import io.lockstep.replication.eagerlock.Range;
import io.lockstep.replication.eagerlock.Result;
import io.lockstep.wire.Payload;
import io.lockstep.wire.message.AllocateObject;
import io.lockstep.wire.message.Request;

/** Confined to the replication agent. fallocate(2) on all members. */
final class Allocate extends LockOp<Void> {
  private final Engine engine;
  private final LeasedInode inode;
  private final AllocateObject what;
  private final Descriptor.Begun begun;

  /**
   * @param what without its context
   */
  Allocate(Engine engine, LeasedInode inode, AllocateObject what, Descriptor.Begun begun) {
    super(engine.newTx(), Kind.WRITE, Range.ALL, engine.operationDeadlineNs());
    this.engine = engine;
    this.inode = inode;
    this.what = what;
    this.begun = begun;
  }

  @Override
  void start(Effect.Start start) {
    if (!begun.hasItsLocks()) {
      fail(ErrorCode.IO_ERROR);
      inode.finish(this, Result.OK);
      return;
    }
    engine.transact(
        inode.set(),
        (epoch, absent) ->
            Request.newBuilder()
                .setAllocateObject(
                    what.toBuilder()
                        .setContext(inode.context(epoch, start.token(), start.cycle(), absent)))
                .build(),
        Payload.EMPTY,
        done -> {
          if (done.code().isOk()) {
            inode.wrote(start.cycle(), done);
            long size = inode.buffer().size();
            boolean keeps = what.getKeepSize() || what.getPunchHole();
            long end = what.getOffset() + what.getLength();
            inode.buffer().changed(keeps ? size : Math.max(size, end), engine.wallTimeNs());
            result.complete(null);
          } else {
            fail(done.code());
          }
          inode.finish(this, LeasedInode.result(done));
        });
  }
}
