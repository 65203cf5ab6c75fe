package io.lockstep.replication.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.replication.eagerlock.Effect;
import io.lockstep.replication.eagerlock.Kind;
import io.lockstep.replication.eagerlock.Range;
import io.lockstep.replication.eagerlock.Result;
import io.lockstep.wire.Payload;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Confined to the replication agent. A read under a lease: what is buffered is copied first, so
 * that nothing of it can be flushed and forgotten between; the rest comes from one member.
 */
final class Read extends LockOp<Read.Bytes> {
  /** Immutable. What was read; the caller's thread copies it, then releases it. */
  static final class Bytes {
    private final long offset;

    /** Up to the end of the file. */
    private final int length;

    /** The whole range, right outside the gaps; null = nothing is buffered. */
    private final byte[] buffered;

    private final List<Gaps.Gap> gaps;

    /** The gaps, from the beginning of the first on. */
    private final Payload payload;

    Bytes(long offset, int length, byte[] buffered, List<Gaps.Gap> gaps, Payload payload) {
      this.offset = offset;
      this.length = length;
      this.buffered = buffered;
      this.gaps = gaps;
      this.payload = payload;
    }

    int length() {
      return length;
    }

    void release() {
      payload.release();
    }

    /** Puts all bytes to {@code target}; what the member did not have is a hole. */
    void copyTo(ByteBuffer target) {
      if (buffered == null) {
        int got = 0;
        for (ByteBuffer part : payload.buffers()) {
          part.limit(Math.min(part.limit(), part.position() + length - got));
          got += part.remaining();
          target.put(part);
        }
        target.put(new byte[length - got]);
        return;
      }
      byte[] fromMember = payload.toByteArray();
      for (Gaps.Gap gap : gaps) {
        int from = (int) (gap.offset() - gaps.get(0).offset());
        int count = Math.max(0, Math.min(gap.length(), fromMember.length - from));
        if (count > 0) {
          System.arraycopy(fromMember, from, buffered, (int) (gap.offset() - offset), count);
        }
      }
      target.put(buffered, 0, length);
    }
  }

  private final Engine engine;
  private final LeasedInode inode;
  private final long offset;
  private final int length;

  Read(Engine engine, LeasedInode inode, long offset, int length, long deadlineNs) {
    super(engine.newTx(), Kind.READ, Range.NONE, deadlineNs);
    this.engine = engine;
    this.inode = inode;
    this.offset = offset;
    this.length = length;
  }

  @Override
  void start(Effect.Start start) {
    engine.counters.add(Counters.Phase.READS);
    int count = (int) Math.max(0, Math.min(length, inode.buffer().size() - offset));
    byte[] buffered = null;
    Gaps gaps = new Gaps(offset, offset + count);
    if (count > 0 && inode.buffer().overlaps(offset, offset + count)) {
      buffered = new byte[count];
      gaps = inode.buffer().overlay(offset, buffered);
    }
    List<Gaps.Gap> missing = gaps.missing();
    if (missing.isEmpty()) {
      end(new Bytes(offset, count, buffered, missing, Payload.EMPTY));
      return;
    }
    long from = missing.get(0).offset();
    long to = missing.get(missing.size() - 1).end();
    byte[] overlay = buffered;
    new ReadRunner(
            engine,
            inode,
            from,
            (int) (to - from),
            start.epoch(),
            (code, payload) -> {
              if (code.isOk()) {
                end(new Bytes(offset, count, overlay, missing, payload));
              } else {
                fail(code);
                inode.finish(this, Result.OK);
              }
            })
        .start();
  }

  /** Only if the lease is still ours: else somebody may have written meanwhile. */
  private void end(Bytes bytes) {
    if (!engine.isLeaseValid()) {
      bytes.release();
      fail(ErrorCode.STALE_LEASE);
      inode.finish(this, Result.LEASE_LOST);
      return;
    }
    if (!result.complete(bytes)) {
      bytes.release();
    }
    inode.finish(this, Result.OK);
  }
}
