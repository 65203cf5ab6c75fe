package io.lockstep.replication.client;

import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.ObjectContext;
import io.lockstep.wire.message.ReadObject;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Immutable. A read that stays on the caller's thread: nothing of the range is buffered here, and
 * one member answers at once. It owns no lease, so it holds up nobody; instead it asks afterwards
 * whether the very lease that it began under is still held. If it is, nobody else wrote meanwhile.
 * Whatever goes another way is left to {@link Read}.
 */
final class QuickRead {
  /** It could not be read so; nothing is in the target. */
  static final int NOT_SO = -1;

  /** One who is slower than this is passed by: {@link ReadRunner} asks another one too. */
  private static final long PATIENCE_NS = TimeUnit.MILLISECONDS.toNanos(300);

  private record Answer(Reply reply, Payload payload) {}

  private final Engine engine;
  private final LeasedInode inode;

  QuickRead(Engine engine, LeasedInode inode) {
    this.engine = engine;
    this.inode = inode;
  }

  /** Reads into the remaining bytes of {@code target}; how many, or {@link #NOT_SO}. */
  int read(long offset, ByteBuffer target) {
    LeasedInode.ReadGrant begun = inode.readable();
    if (begun == null || !engine.isLeaseValid()) {
      return NOT_SO;
    }
    int count = inode.buffer().unbuffered(offset, target.remaining());
    if (count < 0) {
      return NOT_SO;
    }
    Payload payload = count == 0 ? Payload.EMPTY : ask(begun, offset, count);
    if (payload == null) {
      return NOT_SO;
    }
    try {
      boolean good = engine.lockSeam.coherence().mayAnswer(begun, inode.readable());
      if (!good || !engine.isLeaseValid()) {
        return NOT_SO;
      }
      copy(payload, target, count);
      engine.counters.add(Counters.Phase.QUICK_READS);
      return count;
    } finally {
      payload.release();
    }
  }

  /** What one member has of the range, or null. */
  private Payload ask(LeasedInode.ReadGrant begun, long offset, int count) {
    SetView view = engine.configs.view(inode.set());
    Member member = begun.epoch() <= view.config().epoch() ? leastLoaded(view) : null;
    if (member == null) {
      return null;
    }
    String address = view.address(member.id());
    ReadObject body =
        ReadObject.newBuilder()
            .setContext(
                ObjectContext.newBuilder()
                    .setSet(inode.set())
                    .setInode(inode.inode())
                    .setEpoch(view.config().epoch()))
            .setOffset(offset)
            .setLength(count)
            .build();
    CompletableFuture<Answer> future = new CompletableFuture<>();
    engine.addLoad(address, 1);
    engine.callMember(
        address,
        Request.newBuilder().setReadObject(body).build(),
        Payload.EMPTY,
        (reply, payload) -> {
          engine.addLoad(address, -1);
          if (!future.complete(new Answer(reply, payload))) {
            payload.release();
          }
        });
    if (!engine.waits.await(future, PATIENCE_NS) && future.cancel(false)) {
      return null;
    }
    Answer answer = future.join();
    if (!Replies.isOk(answer.reply)) {
      answer.payload.release();
      return null;
    }
    return answer.payload;
  }

  private Member leastLoaded(SetView view) {
    Member best = null;
    int bestLoad = Integer.MAX_VALUE;
    if (view.config().open()) {
      for (Member member : view.config().members()) {
        int load = engine.load(view.address(member.id()));
        if (member.mode() == MemberMode.RW && load < bestLoad) {
          best = member;
          bestLoad = load;
        }
      }
    }
    return best;
  }

  /** What the member did not have is a hole. */
  private static void copy(Payload payload, ByteBuffer target, int count) {
    int end = target.position() + count;
    for (ByteBuffer part : payload.buffers()) {
      part.limit(Math.min(part.limit(), part.position() + end - target.position()));
      target.put(part);
    }
    if (target.position() < end) {
      target.put(new byte[end - target.position()]);
    }
  }
}
