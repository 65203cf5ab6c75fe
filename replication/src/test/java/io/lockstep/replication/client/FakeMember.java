package io.lockstep.replication.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Token;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.ClearDirty;
import io.lockstep.wire.message.Durability;
import io.lockstep.wire.message.ObjectContext;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SyncObjectsReply;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;

/** Confined to virtual time. A storage daemon as plain as its protocol allows. */
final class FakeMember implements Peer {
  /** From a request to its answer, unless told otherwise. */
  static final long DELAY_NS = 200_000;

  /** How it behaves. */
  enum Health {
    UP,
    /** Connections break. */
    DEAD,
    /** Nothing is answered. */
    HUNG,
    FULL,
    /** Reads find a bad checksum. */
    ROTTEN
  }

  /** The bytes and marks of one inode. */
  static final class Copy {
    byte[] bytes = new byte[0];
    Token newest = Token.NONE;
    Token dirtyToken;
    long dirtyCycle;
    boolean synced = true;

    /** The last write, too, with its times. */
    boolean timesSynced = true;

    final Set<Integer> pending = new TreeSet<>();

    /** Bytes taken from clients since it takes writes again: heal leaves them alone (P10). */
    BitSet taken = new BitSet();

    boolean isCut;

    void beginHeal() {
      taken = new BitSet();
      isCut = false;
    }

    void healFrom(Copy source) {
      int length = isCut ? bytes.length : Math.max(source.bytes.length, taken.length());
      bytes = Arrays.copyOf(bytes, length);
      for (int i = 0; i < Math.min(length, source.bytes.length); i++) {
        if (!taken.get(i)) {
          bytes[i] = source.bytes[i];
        }
      }
      if (newest.isOlderThan(source.newest)) {
        newest = source.newest;
      }
      if (taken.isEmpty() && !isCut) {
        dirtyToken = source.dirtyToken;
        dirtyCycle = source.dirtyCycle;
      }
      synced = true;
    }

    boolean isDirty() {
      return dirtyToken != null;
    }
  }

  private final FakeCluster cluster;
  final int id;
  final Map<Long, Copy> objects = new TreeMap<>();
  final List<Request.BodyCase> log = new ArrayList<>();
  Health health = Health.UP;
  long delayNs = DELAY_NS;

  /** From what it did to the arrival of its answer, without chaos. */
  long answerDelayNs;

  /** Writes that arrive are not executed before this completes. */
  CompletableFuture<Void> writesWaitFor = CompletableFuture.completedFuture(null);

  long epoch = 1;

  FakeMember(FakeCluster cluster, int id) {
    this.cluster = cluster;
    this.id = id;
  }

  Copy object(long inode) {
    return objects.computeIfAbsent(inode, i -> new Copy());
  }

  @Override
  public void call(Request request, Payload payload, long timeoutNs, ReplyHandler onReply) {
    byte[] bytes = payload.toByteArray();
    payload.release();
    if (health == Health.HUNG) {
      cluster.time.schedule(
          timeoutNs,
          () -> onReply.onReply(Replies.failure(ErrorCode.TIMED_OUT, ""), Payload.EMPTY));
      return;
    }
    boolean waits = request.hasWriteObject() && !writesWaitFor.isDone();
    if (waits) {
      writesWaitFor.thenRun(() -> cluster.time.execute(() -> deliver(request, bytes, onReply)));
    } else {
      deliver(request, bytes, onReply);
    }
  }

  private void deliver(Request request, byte[] bytes, ReplyHandler onReply) {
    cluster.time.schedule(
        cluster.delayNs(delayNs),
        () -> {
          if (health == Health.DEAD) {
            onReply.onReply(Replies.failure(ErrorCode.DISCONNECTED, ""), Payload.EMPTY);
            return;
          }
          log.add(request.getBodyCase());
          answer(
              request,
              bytes,
              (reply, replyBytes) ->
                  cluster.time.schedule(
                      cluster.chaos == null ? answerDelayNs : cluster.delayNs(delayNs),
                      () -> onReply.onReply(reply, replyBytes)));
        });
  }

  private void answer(Request request, byte[] bytes, ReplyHandler onReply) {
    long asked = epochOf(request);
    if (asked > epoch) {
      epoch = cluster.config.epoch();
    }
    if (asked < epoch) {
      onReply.onReply(
          Replies.failure(ErrorCode.STALE_EPOCH, "").toBuilder()
              .setConfig(cluster.configMessage())
              .build(),
          Payload.EMPTY);
      return;
    }
    switch (request.getBodyCase()) {
      case READ_OBJECT -> read(request, onReply);
      case SYNC_OBJECTS -> {
        for (long inode : request.getSyncObjects().getInodesList()) {
          object(inode).synced = true;
          object(inode).timesSynced |= request.getSyncObjects().getTimes();
        }
        reply(
            Reply.newBuilder().setSyncObjects(SyncObjectsReply.getDefaultInstance()).build(),
            onReply);
      }
      case CLEAR_DIRTY -> clear(request.getClearDirty(), onReply);
      default -> change(request, bytes, onReply);
    }
  }

  private static void reply(Reply reply, ReplyHandler onReply) {
    onReply.onReply(reply, Payload.EMPTY);
  }

  private void read(Request request, ReplyHandler onReply) {
    Member self = cluster.config.member(id);
    if (self.mode() != MemberMode.RW) {
      reply(Replies.failure(ErrorCode.NOT_READABLE, ""), onReply);
      return;
    }
    if (health == Health.ROTTEN) {
      reply(Replies.failure(ErrorCode.CORRUPT, ""), onReply);
      return;
    }
    byte[] all = object(request.getReadObject().getContext().getInode()).bytes;
    int from = (int) Math.min(all.length, request.getReadObject().getOffset());
    int to = Math.min(all.length, from + request.getReadObject().getLength());
    onReply.onReply(Replies.OK, Payload.of(Arrays.copyOfRange(all, from, to)));
  }

  private void clear(ClearDirty clear, ReplyHandler onReply) {
    ErrorCode code = ErrorCode.OK;
    for (ClearDirty.Item item : clear.getItemsList()) {
      Copy object = object(item.getInode());
      boolean same =
          Convert.token(item.getToken()).equals(object.dirtyToken)
              && item.getCycle() == object.dirtyCycle;
      if (same && !object.pending.containsAll(clear.getAbsentList())) {
        code = ErrorCode.CONFLICT;
      } else if (same) {
        cluster.that(object.synced, "dirty mark cleared before the data is durable");
        // It may know of more: of bytes that wait to be sent.
        cluster.that(
            cluster.attributes(item.getInode()).getSize() >= object.bytes.length,
            "dirty mark cleared before the master knows the size");
        object.dirtyToken = null;
      }
    }
    reply(code.isOk() ? Replies.OK : Replies.failure(code, ""), onReply);
  }

  private void change(Request request, byte[] bytes, ReplyHandler onReply) {
    ObjectContext context = contextOf(request);
    Copy object = object(context.getInode());
    Token token = Convert.token(context.getToken());
    if (token.isOlderThan(object.newest)) {
      reply(Replies.failure(ErrorCode.STALE_TOKEN, ""), onReply);
      return;
    }
    if (health == Health.FULL && request.hasWriteObject()) {
      reply(Replies.failure(ErrorCode.NO_SPACE, ""), onReply);
      return;
    }
    object.newest = token;
    boolean newer =
        !object.isDirty()
            || object.dirtyToken.isOlderThan(token)
            || object.dirtyCycle < context.getCycle();
    if (newer) {
      object.dirtyToken = token;
      object.dirtyCycle = context.getCycle();
    }
    object.pending.addAll(context.getAbsentList());
    if (request.hasWriteObject()) {
      int offset = (int) request.getWriteObject().getOffset();
      if (object.bytes.length < offset + bytes.length) {
        object.bytes = Arrays.copyOf(object.bytes, offset + bytes.length);
      }
      System.arraycopy(bytes, 0, object.bytes, offset, bytes.length);
      object.taken.set(offset, offset + bytes.length);
      Durability durability = request.getWriteObject().getDurability();
      object.synced = durability != Durability.RECEIVED;
      object.timesSynced = durability == Durability.DATA_AND_TIMES;
    } else if (request.hasTruncateObject()) {
      object.bytes = Arrays.copyOf(object.bytes, (int) request.getTruncateObject().getSize());
      object.isCut = true;
      object.synced = false;
    } else if (request.hasAllocateObject()) {
      int end =
          (int) (request.getAllocateObject().getOffset() + request.getAllocateObject().getLength());
      if (!request.getAllocateObject().getKeepSize() && object.bytes.length < end) {
        object.bytes = Arrays.copyOf(object.bytes, end);
      }
    }
    reply(Replies.OK, onReply);
  }

  private static ObjectContext contextOf(Request request) {
    return switch (request.getBodyCase()) {
      case WRITE_OBJECT -> request.getWriteObject().getContext();
      case TRUNCATE_OBJECT -> request.getTruncateObject().getContext();
      case ALLOCATE_OBJECT -> request.getAllocateObject().getContext();
      case PRE_OP -> request.getPreOp().getContext();
      case READ_OBJECT -> request.getReadObject().getContext();
      default -> throw new AssertionError(request);
    };
  }

  private static long epochOf(Request request) {
    return switch (request.getBodyCase()) {
      case SYNC_OBJECTS -> request.getSyncObjects().getEpoch();
      case CLEAR_DIRTY -> request.getClearDirty().getEpoch();
      default -> contextOf(request).getEpoch();
    };
  }
}
