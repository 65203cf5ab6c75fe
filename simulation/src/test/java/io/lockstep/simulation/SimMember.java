package io.lockstep.simulation;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import io.lockstep.replication.marks.Decision;
import io.lockstep.replication.marks.MarkRules;
import io.lockstep.replication.marks.ObjectMarks;
import io.lockstep.replication.marks.WriteContext;
import io.lockstep.replication.registry.ReplicaRegistry;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Replies;
import io.lockstep.wire.RequestHandler;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.ClearDirty;
import io.lockstep.wire.message.ObjectContext;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.WriteObject;
import java.util.HashMap;
import java.util.Map;

/**
 * Confined to the thread of the test. A storage daemon's decisions over bytes in memory: the
 * registry says whether the replica is there, the marks say whether a write may happen.
 */
final class SimMember implements RequestHandler {
  static final int OBJECT_BYTES = 64;

  private final VirtualTime.Host host;
  private final ReplicaRegistry registry = new ReplicaRegistry();
  private final Map<Long, ObjectMarks> marks = new HashMap<>();
  private final Map<Long, byte[]> objects = new HashMap<>();
  private final Map<String, Reply> executed = new HashMap<>();
  private long creations;
  private long fenced;
  private long repeated;

  SimMember(VirtualTime.Host host) {
    this.host = host;
  }

  byte[] bytes(long inode) {
    return objects.computeIfAbsent(inode, i -> new byte[OBJECT_BYTES]);
  }

  ObjectMarks marks(long inode) {
    return marks.getOrDefault(inode, ObjectMarks.NONE);
  }

  long creations() {
    return creations;
  }

  long fenced() {
    return fenced;
  }

  long repeated() {
    return repeated;
  }

  @Override
  public void onRequest(Request request, Payload payload, Responder responder) {
    String id = request.getSession() + "." + request.getSequence();
    switch (request.getBodyCase()) {
      case ENSURE_REPLICA -> ensure(request.getEnsureReplica().getSet(), responder);
      case WRITE_OBJECT -> responder.reply(once(id, request.getWriteObject(), payload));
      case READ_OBJECT ->
          responder.reply(
              Replies.OK,
              Payload.of(bytes(request.getReadObject().getContext().getInode()).clone()));
      case SYNC_OBJECTS -> responder.ok();
      case CLEAR_DIRTY -> responder.reply(clear(request.getClearDirty()));
      default -> responder.fail(ErrorCode.BAD_REQUEST, "not simulated");
    }
  }

  private void ensure(long set, Responder responder) {
    ReplicaRegistry.Ensure next = registry.onEnsure(set, 1, host.nowNs());
    if (next instanceof ReplicaRegistry.Ensure.Create) {
      registry.onCreating(set);
      // The disk takes its time; duplicates of the request come meanwhile and must join.
      host.schedule(
          1_000_000,
          () -> {
            creations++;
            registry.onCreated(set);
            responder.ok();
          });
    } else if (next instanceof ReplicaRegistry.Ensure.Reuse) {
      responder.ok();
    } else {
      responder.fail(ErrorCode.BUSY, "being created");
    }
  }

  /** P11: what comes a second time gets the first answer and is not executed. */
  private Reply once(String id, WriteObject write, Payload payload) {
    Reply first = executed.get(id);
    if (first != null) {
      repeated++;
      return first;
    }
    Reply reply = write(write, payload);
    executed.put(id, reply);
    return reply;
  }

  private Reply write(WriteObject write, Payload payload) {
    ObjectContext context = write.getContext();
    Token token = Convert.token(context.getToken());
    Decision decision =
        MarkRules.DEFAULT.onWrite(
            marks(context.getInode()),
            new WriteContext(
                token, context.getCycle(), 0, context.getEpoch(), context.getAbsentList()),
            true);
    if (decision instanceof Decision.Refuse refused) {
      if (refused.code() == ErrorCode.STALE_TOKEN) {
        fenced++;
      }
      return Replies.failure(refused.code(), "refused by the marks");
    }
    ObjectMarks next = ((Decision.Admit) decision).marks();
    Check.that(next.dirty() != null, "a write without a dirty mark");
    marks.put(context.getInode(), next);
    byte[] data = payload.toByteArray();
    System.arraycopy(data, 0, bytes(context.getInode()), (int) write.getOffset(), data.length);
    return Replies.OK;
  }

  private Reply clear(ClearDirty clear) {
    for (ClearDirty.Item item : clear.getItemsList()) {
      Decision decision =
          MarkRules.DEFAULT.onClearDirty(
              marks(item.getInode()),
              Convert.token(item.getToken()),
              item.getCycle(),
              clear.getAbsentList());
      if (decision instanceof Decision.Admit admitted) {
        marks.put(item.getInode(), admitted.marks());
      }
    }
    return Replies.OK;
  }
}
