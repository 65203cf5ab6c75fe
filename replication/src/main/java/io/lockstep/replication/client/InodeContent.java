package io.lockstep.replication.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.Outcome;
import io.lockstep.replication.eagerlock.EagerLock;
import io.lockstep.replication.eagerlock.Effect;
import io.lockstep.replication.eagerlock.Range;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.AllocateObject;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Caller;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetAttributes;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Immutable. The callers' side of one inode: everything that blocks. A buffered write under a held
 * lease, and a read of what was just written, stay on the caller's thread; all else goes to the
 * agent, with private copies, because the caller may give up while it runs.
 */
final class InodeContent implements FileContent {
  private static final int NANOS = 1_000_000_000;

  /** The agent ends what is over time itself; this is for an agent that is late. */
  private static final long SLACK_NS = TimeUnit.SECONDS.toNanos(5);

  private final Engine engine;
  private final LeasedInode inode;
  private final QuickRead quick;
  private final Runnable onClose;

  InodeContent(Engine engine, LeasedInode inode, Runnable onClose) {
    this.engine = engine;
    this.inode = inode;
    this.quick = new QuickRead(engine, inode);
    this.onClose = onClose;
  }

  LeasedInode leased() {
    return inode;
  }

  @Override
  public long inode() {
    return inode.inode();
  }

  @Override
  public Descriptor newDescriptor(boolean direct) {
    return new Descriptor(direct, inode.loss().count());
  }

  @Override
  public int read(long offset, ByteBuffer target) throws Outcome {
    int total = 0;
    while (target.hasRemaining()) {
      int wanted = Math.min(target.remaining(), Limits.PAYLOAD_BYTES_MAX);
      int count = readOnce(offset + total, target, wanted);
      total += count;
      if (count < wanted) {
        break;
      }
    }
    return total;
  }

  /** What was there before a write that came earlier is no answer: its pages would stay so. */
  private int readOnce(long offset, ByteBuffer target, int length) throws Outcome {
    long deadlineNs = engine.operationDeadlineNs();
    int count = readNow(offset, target.duplicate(), length, deadlineNs);
    CompletableFuture<Void> writes = inode.writes().beside(offset, length);
    if (writes != null && engine.lockSeam.coherence().mustWaitForWrites()) {
      Object reader = new Object();
      inode.waiters().addRead(reader, new Range(offset, offset + length));
      try {
        if (!engine.waits.await(writes, Math.max(1, deadlineNs - engine.nowNs()))) {
          throw new Outcome(ErrorCode.TIMED_OUT, "a write of the same bytes does not end");
        }
      } finally {
        inode.waiters().remove(reader);
      }
      count = readNow(offset, target.duplicate(), length, deadlineNs);
    }
    target.position(target.position() + count);
    return count;
  }

  /** Into the buffer from its position on, which moves or not. */
  private int readNow(long offset, ByteBuffer target, int length, long deadlineNs) throws Outcome {
    inode.countUse();
    if (engine.isLeaseValid()) {
      ByteBuffer window = target.duplicate().limit(target.position() + length);
      int count = inode.buffer().tryRead(offset, window);
      if (count >= 0) {
        engine.counters.add(Counters.Phase.READS_FROM_BUFFER);
        return count;
      }
      count = quick.read(offset, target.duplicate().limit(target.position() + length));
      if (count != QuickRead.NOT_SO) {
        return count;
      }
    }
    while (true) {
      try {
        Read read = new Read(engine, inode, offset, length, deadlineNs);
        inode.waiters().addRead(read, new Range(offset, offset + target.remaining()));
        Read.Bytes bytes = perform(read);
        try {
          bytes.copyTo(target);
        } finally {
          bytes.release();
        }
        return bytes.length();
      } catch (Outcome e) {
        if (e.code() != ErrorCode.STALE_LEASE || deadlineNs - engine.nowNs() <= 0) {
          throw e;
        }
      }
    }
  }

  @Override
  public long write(long offset, ByteBuffer source, boolean sync, Descriptor descriptor)
      throws Outcome {
    Loss loss = inode.loss();
    if (descriptor.takeLossBeforeWrite(loss.count(), offset)) {
      throw lost(loss);
    }
    Descriptor.Begun begun = descriptor.begin();
    inode.countUse();
    if (offset > Limits.FILE_BYTES_MAX - source.remaining()) {
      throw new Outcome(ErrorCode.FILE_TOO_BIG, "");
    }
    // Appends go by the kernel's pages.
    WritesUnderWay.Write underWay =
        offset < 0 ? null : inode.writes().begin(offset, source.remaining());
    try {
      return writeAll(offset, source, sync, begun);
    } finally {
      if (underWay != null) {
        inode.writes().end(underWay);
      }
    }
  }

  private long writeAll(long at, ByteBuffer source, boolean sync, Descriptor.Begun begun)
      throws Outcome {
    Descriptor descriptor = begun.descriptor();
    boolean buffered = !sync && !descriptor.direct() && engine.options.writeback();
    long offset = at;
    long first = -1;
    do {
      ByteBuffer piece =
          source.slice().limit(Math.min(source.remaining(), Limits.PAYLOAD_BYTES_MAX));
      int length = piece.remaining();
      // The rest of an append follows its beginning, which is at the end only as long as nobody
      // else appends; one piece is always whole.
      long put =
          buffered
              ? writeBuffered(offset, piece, begun)
              : perform(directWrite(offset, piece, sync, begun));
      first = first < 0 ? put : first;
      offset = put + length;
      descriptor.wrote(offset, length);
      source.position(source.position() + length);
    } while (source.hasRemaining());
    return first;
  }

  private long writeBuffered(long offset, ByteBuffer piece, Descriptor.Begun begun) throws Outcome {
    int length = piece.remaining();
    long deadlineNs = engine.operationDeadlineNs();
    engine.budget.take(length, deadlineNs - engine.nowNs());
    // The budget may have taken a while.
    if (engine.isLeaseValid() && begun.hasItsLocks()) {
      WriteBuffer.Written written = inode.buffer().tryWrite(offset, piece, engine.wallTimeNs());
      if (written != null) {
        engine.counters.add(Counters.Phase.BUFFERED_WRITES);
        engine.budget.give(length - written.grownBytes());
        if (written.requestReady()) {
          inode.writeBack().notePending();
        }
        return written.offset();
      }
    }
    byte[] bytes = new byte[length];
    piece.get(bytes);
    BufferedWrite write =
        new BufferedWrite(
            offset, ByteBuffer.wrap(bytes), begun, deadlineNs, new CompletableFuture<>());
    addWaitingWrite(write, offset, length);
    engine.onAgent(() -> inode.writeBack().write(write));
    return await(write.writtenAt());
  }

  private DirectWrite directWrite(
      long offset, ByteBuffer piece, boolean sync, Descriptor.Begun begun) {
    byte[] bytes = new byte[piece.remaining()];
    piece.get(bytes);
    DirectWrite write = new DirectWrite(engine, inode, offset, bytes, sync, begun);
    addWaitingWrite(write, offset, bytes.length);
    return write;
  }

  /** Appends go by the kernel's pages: they hold none. */
  private void addWaitingWrite(Object write, long offset, int length) {
    if (offset >= 0) {
      inode.waiters().addWrite(write, new Range(offset, offset + length));
    }
  }

  @Override
  public Attributes truncate(long size, Caller caller) throws Outcome {
    return setAttributes(
        SetAttributes.newBuilder().setInode(inode.inode()).setCaller(caller).setSize(size).build(),
        newDescriptor(false));
  }

  @Override
  public Attributes setAttributes(SetAttributes request, Descriptor descriptor) throws Outcome {
    if (request.hasSize()) {
      if (request.getSize() < 0 || request.getSize() > Limits.FILE_BYTES_MAX) {
        throw new Outcome(ErrorCode.FILE_TOO_BIG, "");
      }
      return perform(new Resize(engine, inode, request, descriptor.begin()));
    }
    boolean times =
        request.hasMtime() || request.hasAtime() || request.getMtimeNow() || request.getAtimeNow();
    if (times) {
      return perform(new SetTimes(engine, inode, request, engine.operationDeadlineNs()));
    }
    CompletableFuture<Reply> reply = new CompletableFuture<>();
    engine.askMaster(
        Request.newBuilder().setSetAttributes(request).build(),
        engine.times.operationNs(),
        reply::complete);
    return attributes(Replies.orThrow(await(reply)).getAttributes().getAttributes());
  }

  @Override
  public boolean trySetTimes(SetAttributes request) {
    boolean more = request.hasSize() || request.hasMode() || request.hasUid() || request.hasGid();
    boolean valid = request.getAtime().getNanos() < NANOS && request.getMtime().getNanos() < NANOS;
    return !more
        && valid
        && engine.isLeaseValid()
        && inode.buffer().trySetTimes(request, engine.wallTimeNs());
  }

  @Override
  public void allocate(
      long offset,
      long length,
      boolean keepSize,
      boolean punch,
      boolean zero,
      Descriptor descriptor)
      throws Outcome {
    if (offset < 0 || length <= 0) {
      throw new Outcome(ErrorCode.INVALID_ARGUMENT, "offset " + offset + ", length " + length);
    }
    if (offset > Limits.FILE_BYTES_MAX - length) {
      throw new Outcome(ErrorCode.FILE_TOO_BIG, "");
    }
    AllocateObject what =
        AllocateObject.newBuilder()
            .setOffset(offset)
            .setLength(length)
            .setKeepSize(keepSize)
            .setPunchHole(punch)
            .setZeroRange(zero)
            .build();
    perform(new Allocate(engine, inode, what, descriptor.begin()));
  }

  @Override
  public void flush(Descriptor descriptor) throws Outcome {
    flushBuffer();
    engine.lockSeam.onFlush(inode.inode(), this::runEvent);
    throwLoss(descriptor);
  }

  private void runEvent(Function<EagerLock, List<Effect>> event) throws Outcome {
    CompletableFuture<Void> executed = new CompletableFuture<>();
    engine.onAgent(() -> inode.event(event, () -> executed.complete(null)));
    await(executed);
  }

  @Override
  public void fsync(Descriptor descriptor, boolean times) throws Outcome {
    long upTo = inode.buffer().lastWrite();
    CompletableFuture<ErrorCode> synced = new CompletableFuture<>();
    engine.onAgent(() -> inode.sync(upTo, times, synced::complete));
    ErrorCode code = await(synced);
    throwLoss(descriptor);
    if (!code.isOk()) {
      throw new Outcome(code, "");
    }
  }

  private void flushBuffer() throws Outcome {
    long upTo = inode.buffer().lastWrite();
    if (!inode.buffer().isReceived(upTo)) {
      CompletableFuture<Void> received = new CompletableFuture<>();
      engine.onAgent(() -> inode.writeBack().flush(upTo, () -> received.complete(null)));
      await(received);
    }
  }

  @Override
  public Attributes attributes(Attributes fromMaster) {
    return inode.buffer().overlay(fromMaster);
  }

  @Override
  public void close(Descriptor descriptor) {
    onClose.run();
  }

  private void throwLoss(Descriptor descriptor) throws Outcome {
    Loss loss = inode.loss();
    if (descriptor.takeLoss(loss.count())) {
      throw lost(loss);
    }
  }

  private Outcome lost(Loss loss) {
    return new Outcome(
        loss.code(), "writes to inode " + Long.toUnsignedString(inode.inode()) + " were lost");
  }

  private <T> T perform(LockOp<T> op) throws Outcome {
    engine.onAgent(() -> inode.arrive(op));
    return await(op.result);
  }

  private <T> T await(CompletableFuture<T> future) throws Outcome {
    if (!engine.waits.await(future, engine.times.operationNs() + SLACK_NS)) {
      if (!future.completeExceptionally(new Outcome(ErrorCode.TIMED_OUT, ""))) {
        return await(future);
      }
      throw new Outcome(ErrorCode.TIMED_OUT, "no answer within the time of an operation");
    }
    try {
      return future.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof Outcome outcome) {
        throw outcome;
      }
      throw e;
    }
  }
}
