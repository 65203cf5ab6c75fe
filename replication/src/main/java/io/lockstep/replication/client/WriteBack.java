package io.lockstep.replication.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.replication.eagerlock.Effect;
import io.lockstep.replication.eagerlock.Kind;
import io.lockstep.replication.eagerlock.Range;
import io.lockstep.replication.eagerlock.Result;
import io.lockstep.wire.message.Durability;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.WriteObject;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Confined to the replication agent, but for {@link #notePending}. Write-back of one inode: opens
 * the buffer while a {@link Hold} owns the lease, sends what is ripe, and ends the hold when the
 * buffer stayed empty or somebody else wants the lease.
 */
final class WriteBack {
  private record Barrier(long write, Runnable then) {}

  private final Engine engine;
  private final LeasedInode inode;
  private final WriteBuffer buffer;
  private final ArrayDeque<BufferedWrite> pending = new ArrayDeque<>();
  private final List<Barrier> barriers = new ArrayList<>();
  private final AtomicBoolean pumpAsked = new AtomicBoolean();

  /** Owns the lease; null = none. */
  private Hold hold;

  /** Waits for the lease; null = none. */
  private Hold next;

  /** The hold ends as soon as the buffer is empty; the buffer is closed. */
  private boolean ending;

  /** Everything up to this write is ripe. */
  private long ripe;

  /** Somebody waits until everything up to this write is durable, or that and its times. */
  private long wantedDurable;

  private long wantedTimes;

  WriteBack(Engine engine, LeasedInode inode) {
    this.engine = engine;
    this.inode = inode;
    this.buffer = inode.buffer();
  }

  /** By any thread: a whole request is in the buffer. */
  void notePending() {
    if (pumpAsked.compareAndSet(false, true)) {
      engine.onAgent(
          () -> {
            pumpAsked.set(false);
            pump();
          });
    }
  }

  boolean isHeld() {
    return hold != null;
  }

  boolean isIdle() {
    return hold == null && next == null && pending.isEmpty() && barriers.isEmpty();
  }

  // ---- writes come in

  void write(BufferedWrite write) {
    if (!engine.isLeaseValid()) {
      inode.onLeaseLost();
    }
    if (hold != null && !ending) {
      accept(write);
      return;
    }
    pending.add(write);
    if (next == null) {
      next = new Hold(this, engine.newTx());
      inode.arrive(next);
    }
  }

  void onHold(Hold started) {
    hold = started;
    next = null;
    ending = false;
    ripe = 0;
    buffer.open();
    while (!pending.isEmpty()) {
      accept(pending.poll());
    }
    armFlush(started);
    pump();
  }

  void onNoHold(ErrorCode code) {
    next = null;
    while (!pending.isEmpty()) {
      refuse(pending.poll(), code);
    }
  }

  void onTick(long nowNs) {
    for (Iterator<BufferedWrite> i = pending.iterator(); i.hasNext(); ) {
      BufferedWrite write = i.next();
      if (write.deadlineNs() - nowNs <= 0) {
        i.remove();
        refuse(write, ErrorCode.LEASE_TIMEOUT);
      }
    }
    if (pending.isEmpty() && next != null) {
      inode.giveUp(next);
    }
  }

  private void accept(BufferedWrite write) {
    if (!write.begun().hasItsLocks()) {
      refuse(write, ErrorCode.IO_ERROR);
      return;
    }
    engine.counters.add(Counters.Phase.BUFFERED_WRITES);
    inode.begins(write);
    WriteBuffer.Written written = buffer.write(write.offset(), write.bytes(), engine.wallTimeNs());
    engine.budget.give(write.length() - written.grownBytes());
    write.writtenAt().complete(written.offset());
  }

  private void refuse(BufferedWrite write, ErrorCode code) {
    engine.budget.give(write.length());
    inode.waiters().remove(write);
    write.fail(code);
  }

  // ---- writes go out

  /** {@code then} runs when everything up to that write is with the members, or lost. */
  void flush(long write, Runnable then) {
    if (buffer.isReceived(write)) {
      then.run();
      return;
    }
    barriers.add(new Barrier(write, then));
    ripe = Math.max(ripe, write);
    pump();
  }

  /**
   * As {@link #flush}, for one who then asks for durability: if all fits into one request, the
   * members make it durable before they answer, which spares the round trip.
   */
  void flushDurably(long write, boolean times, Runnable then) {
    wantedDurable = Math.max(wantedDurable, write);
    wantedTimes = times ? Math.max(wantedTimes, write) : wantedTimes;
    flush(write, then);
  }

  /**
   * Somebody wants the lease, or the range beside the buffer: send everything, then end the hold.
   */
  void end() {
    if (hold != null && !ending) {
      ending = true;
      buffer.close();
      ripe = Long.MAX_VALUE;
      pump();
      maybeEnd();
    }
  }

  /** Everything is ripe, for the lease may not live much longer. */
  void flushAll() {
    ripe = Math.max(ripe, buffer.lastWrite());
    pump();
  }

  /** The lease is lost: what was not sent is. */
  void drop() {
    long bytes = buffer.drop();
    engine.budget.give(bytes);
    if (bytes > 0) {
      inode.lost(ErrorCode.IO_ERROR);
    }
    if (hold != null) {
      ending = true;
    }
    passBarriers();
    maybeEnd();
  }

  void pump() {
    while (hold != null && buffer.hasRipe(ripe) && engine.flushSlots.tryTake(inode)) {
      Extent extent = buffer.takeNext(ripe);
      if (extent == null) {
        engine.flushSlots.give();
        return;
      }
      inode.arriveUnder(hold, new Flush(extent, durability(extent)));
    }
  }

  private Durability durability(Extent extent) {
    if (extent.firstWrite > wantedDurable || !buffer.isAlone(extent)) {
      return Durability.RECEIVED;
    }
    return extent.firstWrite > wantedTimes ? Durability.DATA : Durability.DATA_AND_TIMES;
  }

  private void armFlush(Hold of) {
    engine.agent.schedule(engine.options.flushAgeNs(), () -> onFlushTimer(of));
  }

  private void onFlushTimer(Hold of) {
    if (of != hold || ending) {
      return;
    }
    if (buffer.closeIfEmpty()) {
      ending = true;
      maybeEnd();
    } else {
      flushAll();
      armFlush(of);
    }
  }

  private void maybeEnd() {
    if (hold != null && ending && buffer.isEmpty()) {
      Hold ended = hold;
      hold = null;
      ending = false;
      inode.finish(ended, Result.OK);
    }
  }

  private void passBarriers() {
    for (Barrier barrier : List.copyOf(barriers)) {
      if (buffer.isReceived(barrier.write)) {
        barriers.remove(barrier);
        barrier.then.run();
      }
    }
  }

  /** One request to all members with buffered bytes. */
  private final class Flush extends LockOp<Void> {
    private final Extent extent;
    private final Durability durability;

    Flush(Extent extent, Durability durability) {
      super(engine.newTx(), Kind.WRITE, Range.NONE, Long.MAX_VALUE);
      this.extent = extent;
      this.durability = durability;
    }

    @Override
    void start(Effect.Start start) {
      engine.counters.add(Counters.Phase.FLUSHES);
      // What is done later may reach a member after it has synced this.
      long doneBefore = inode.durableWrites().done();
      engine.transact(
          inode.set(),
          (epoch, absent) ->
              Request.newBuilder()
                  .setWriteObject(
                      WriteObject.newBuilder()
                          .setContext(inode.context(epoch, start.token(), start.cycle(), absent))
                          .setOffset(extent.offset)
                          .setDurability(durability))
                  .build(),
          extent.payload(),
          done -> onDone(start.cycle(), doneBefore, done));
    }

    private void onDone(
        long cycle, long doneBefore, io.lockstep.replication.transaction.Effect.Done done) {
      engine.budget.give(extent.capacity());
      buffer.flushed(extent);
      engine.flushSlots.give();
      if (done.code().isOk()) {
        if (durability == Durability.RECEIVED) {
          inode.wrote(cycle, done);
        } else {
          inode.wroteDurably(cycle, done, doneBefore, durability == Durability.DATA_AND_TIMES);
        }
      } else {
        inode.lost(done.code());
      }
      // Whether sent or not, the size here counts bytes that no member has: they must settle.
      boolean failed = !done.code().isOk() && !done.leaseLost();
      inode.finish(this, failed ? Result.FAILED : LeasedInode.result(done));
      passBarriers();
      pump();
      maybeEnd();
    }
  }
}
