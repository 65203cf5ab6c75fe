package io.lockstep.replication.server;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.Outcome;
import io.lockstep.core.Token;
import io.lockstep.replication.marks.Decision;
import io.lockstep.replication.server.RequestOperation.Call;
import io.lockstep.replication.store.DbBatch;
import io.lockstep.replication.store.StoredObject;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.HashObject;
import io.lockstep.wire.message.HashObjectReply;
import io.lockstep.wire.message.PullObject;
import io.lockstep.wire.message.ReadObject;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.SealObject;
import io.lockstep.wire.message.StatObject;
import java.io.IOException;

/** Immutable. What is asked of an object, by clients, by other members, and by the master. */
final class Reads {
  /** Blocks of one HashObject: 16 MiB. */
  static final int HASH_BLOCKS_MAX = 4096;

  private Reads() {}

  /** For a client: only RW answers (I4). */
  static DiskOperation read(Call call, ReadObject request) {
    return new RequestOperation(call) {
      @Override
      boolean onDecide(DiskAgent agent, DbBatch batch) throws IOException, Outcome {
        checkDeadline(agent);
        replica().checkReader(request.getContext().getEpoch());
        checkRead(request.getOffset(), request.getLength());
        StoredObject object = object(agent, request.getContext().getInode());
        if (object.marks().tombstone()) {
          throw new Outcome(ErrorCode.OBJECT_DELETED, "object " + object.key() + " is dead");
        }
        Payload bytes = object.read(request.getOffset(), request.getLength());
        agent.counters().reads.increment();
        agent.counters().readBytes.add(bytes.sizeBytes());
        reply(Replies.OK, bytes);
        return false;
      }
    };
  }

  /** For heal and settling: whoever has the object answers. */
  static DiskOperation pull(Call call, PullObject request) {
    return new RequestOperation(call) {
      @Override
      boolean onDecide(DiskAgent agent, DbBatch batch) throws IOException, Outcome {
        checkDeadline(agent);
        checkRead(request.getOffset(), request.getLength());
        StoredObject object = object(agent, request.getInode());
        reply(Replies.OK, object.read(request.getOffset(), request.getLength()));
        return false;
      }
    };
  }

  /** A missing file under a settled record is damage and no state to heal from (P15). */
  static DiskOperation stat(Call call, StatObject request) {
    return new RequestOperation(call) {
      @Override
      boolean onDecide(DiskAgent agent, DbBatch batch) throws IOException, Outcome {
        StoredObject object = object(agent, request.getInode());
        if (object.failure() != null) {
          throw new Outcome(ErrorCode.IO_ERROR, "stopped: " + object.failure());
        }
        object.refresh();
        boolean halfRepaired = object.marks().healing() && !request.getSettling();
        if (object.isDamaged() || halfRepaired) {
          throw new Outcome(
              ErrorCode.CORRUPT,
              "object "
                  + object.key()
                  + " is damaged or half repaired: its record says "
                  + object.marks().size()
                  + " bytes, the disk "
                  + object.sizeBytes());
        }
        reply(state(object));
        return false;
      }
    };
  }

  static DiskOperation hash(Call call, HashObject request) {
    return new RequestOperation(call) {
      @Override
      boolean onDecide(DiskAgent agent, DbBatch batch) throws IOException, Outcome {
        checkDeadline(agent);
        if (request.getOffset() < 0 || request.getOffset() % Limits.BLOCK_BYTES != 0) {
          throw new Outcome(
              ErrorCode.BAD_REQUEST, "offset " + request.getOffset() + " is in a block");
        }
        StoredObject object = object(agent, request.getInode());
        int blocks = Math.max(0, Math.min(request.getBlocks(), HASH_BLOCKS_MAX));
        object.refresh();
        byte[] sums = object.hashDisk(request.getOffset(), blocks);
        reply(
            Reply.newBuilder()
                .setHashObject(
                    HashObjectReply.newBuilder()
                        .setSize(object.sizeBytes())
                        .setCrcs(ByteString.copyFrom(sums))
                        .setExists(object.exists()))
                .build());
        return false;
      }
    };
  }

  /** The fence, durable before the answer; what the old holder wrote is durable too (P1). */
  static DiskOperation seal(Call call, SealObject request) {
    return new RequestOperation(call) {
      private StoredObject object;

      @Override
      boolean onDecide(DiskAgent agent, DbBatch batch) throws IOException, Outcome {
        Replica.View view = replica().checkEpoch(request.getEpoch());
        object = object(agent, request.getInode());
        Token token = Convert.token(request.getToken());
        Decision decision =
            agent.markRules().onSeal(object.marks(), token, view.config().absent(), view.epoch());
        if (decision instanceof Decision.Refuse refuse) {
          throw new Outcome(
              refuse.code(), "object " + object.key() + " knows token " + object.marks().newest());
        }
        Decision.Admit admit = (Decision.Admit) decision;
        if (admit.persist()) {
          agent.putMarks(replica(), object, admit.marks(), batch, true);
        }
        return true;
      }

      @Override
      void onCommitted(DiskAgent agent) {
        agent.sync(
            object,
            (code, message) -> {
              if (code.isOk()) {
                reply(state(object));
              } else {
                onFailed(code, message);
              }
            });
      }
    };
  }

  private static void checkRead(long offset, int length) throws Outcome {
    if (offset < 0 || length < 0 || length > Limits.PAYLOAD_BYTES_MAX) {
      throw new Outcome(
          ErrorCode.BAD_REQUEST, "read at offset " + offset + " of " + length + " bytes");
    }
  }
}
