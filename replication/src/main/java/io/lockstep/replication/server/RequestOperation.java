package io.lockstep.replication.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.replication.store.ObjectKey;
import io.lockstep.replication.store.StoredObject;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Replies;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.Reply;
import java.io.IOException;

/**
 * Confined to one disk agent once it is submitted. An operation that answers one request and owns
 * its payload.
 */
abstract class RequestOperation extends DiskOperation {
  /**
   * Immutable. What every operation of a request has.
   *
   * @param deadlineNs after which nobody waits for the answer
   */
  record Call(Replica replica, Payload payload, Responder responder, long deadlineNs) {}

  final Call call;

  RequestOperation(Call call) {
    this.call = call;
  }

  final Replica replica() {
    return call.replica();
  }

  final StoredObject object(DiskAgent agent, long inode) throws IOException, Outcome {
    return agent.table().object(new ObjectKey(call.replica().set, inode));
  }

  /** What lay in a queue until its sender gave up is not executed: he has sent it again. */
  final void checkDeadline(DiskAgent agent) throws Outcome {
    if (agent.nowNs() - call.deadlineNs() > 0) {
      throw new Outcome(ErrorCode.TIMED_OUT, "the sender no longer waits");
    }
  }

  final void reply(Reply reply) {
    reply(reply, Payload.EMPTY);
  }

  final void reply(Reply reply, Payload bytes) {
    call.payload().release();
    call.responder().reply(reply, bytes);
  }

  @Override
  void onFailed(ErrorCode code, String message) {
    reply(failure(call.replica(), code, message));
  }

  /** A refusal; STALE_EPOCH carries the newer configuration. */
  static Reply failure(Replica replica, ErrorCode code, String message) {
    Reply.Builder reply = Replies.failure(code, message).toBuilder();
    if (code == ErrorCode.STALE_EPOCH) {
      reply.setConfig(replica.view().message());
    }
    return reply.build();
  }

  static Reply state(StoredObject object) {
    return Reply.newBuilder()
        .setObjectState(
            Replica.state(object.key().inode(), object.marks(), object.exists(), object.sizeBytes())
                .setMtime(Convert.timestamp(object.modifiedNs())))
        .build();
  }
}
