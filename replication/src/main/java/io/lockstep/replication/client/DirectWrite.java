package io.lockstep.replication.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.replication.eagerlock.Effect;
import io.lockstep.replication.eagerlock.Kind;
import io.lockstep.replication.eagerlock.Range;
import io.lockstep.replication.eagerlock.Result;
import io.lockstep.wire.Payload;
import io.lockstep.wire.message.Durability;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.WriteObject;

/**
 * Confined to the replication agent. A write beside the buffer: O_SYNC, O_DIRECT or writeback=off.
 * Its result is the offset written at.
 */
final class DirectWrite extends LockOp<Long> {
  private final Engine engine;
  private final LeasedInode inode;
  private final long offset;
  private final byte[] bytes;
  private final boolean sync;
  private final Descriptor.Begun begun;

  /**
   * @param offset -1 = append
   * @param sync durable, with size and times, before it is done
   */
  DirectWrite(
      Engine engine,
      LeasedInode inode,
      long offset,
      byte[] bytes,
      boolean sync,
      Descriptor.Begun begun) {
    super(
        engine.newTx(),
        Kind.WRITE,
        offset < 0 ? Range.ALL : new Range(offset, offset + bytes.length),
        engine.operationDeadlineNs());
    this.engine = engine;
    this.inode = inode;
    this.offset = offset;
    this.bytes = bytes;
    this.sync = sync;
    this.begun = begun;
  }

  @Override
  void start(Effect.Start start) {
    long at = offset < 0 ? inode.buffer().size() : offset;
    boolean fits = at + bytes.length <= Limits.FILE_BYTES_MAX;
    if (!fits || !begun.hasItsLocks()) {
      fail(fits ? ErrorCode.IO_ERROR : ErrorCode.FILE_TOO_BIG);
      inode.finish(this, Result.OK);
      return;
    }
    engine.counters.add(Counters.Phase.DIRECT_WRITES);
    long doneBefore = inode.durableWrites().done();
    engine.transact(
        inode.set(),
        (epoch, absent) ->
            Request.newBuilder()
                .setWriteObject(
                    WriteObject.newBuilder()
                        .setContext(inode.context(epoch, start.token(), start.cycle(), absent))
                        .setOffset(at)
                        .setDurability(sync ? Durability.DATA_AND_TIMES : Durability.RECEIVED))
                .build(),
        Payload.of(bytes),
        done -> {
          if (!done.code().isOk()) {
            fail(done.code());
            inode.finish(this, LeasedInode.result(done));
            return;
          }
          if (sync) {
            inode.wroteDurably(start.cycle(), done, doneBefore, true);
          } else {
            inode.wrote(start.cycle(), done);
          }
          inode.buffer().changed(Math.max(inode.buffer().size(), at + bytes.length), wallTimeNs());
          result.complete(at);
          inode.finish(this, Result.OK);
        });
  }

  private long wallTimeNs() {
    return engine.wallTimeNs();
  }
}
