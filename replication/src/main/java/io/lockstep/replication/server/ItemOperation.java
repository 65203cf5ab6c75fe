package io.lockstep.replication.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.core.Token;
import io.lockstep.replication.marks.Decision;
import io.lockstep.replication.marks.ObjectMarks;
import io.lockstep.replication.store.DbBatch;
import io.lockstep.replication.store.ObjectKey;
import io.lockstep.replication.store.StoredObject;
import io.lockstep.wire.message.SyncObjects;
import java.io.IOException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Confined to one disk agent once it is submitted. One object of a request that names many: sync,
 * clear dirty, clear pending, delete, forget.
 */
abstract class ItemOperation extends DiskOperation {
  final Replica replica;
  final long inode;
  private final Gather gather;

  private ItemOperation(Replica replica, long inode, Gather gather) {
    this.replica = replica;
    this.inode = inode;
    this.gather = gather;
  }

  final StoredObject object(DiskAgent agent) throws IOException, Outcome {
    return agent.table().object(new ObjectKey(replica.set, inode));
  }

  final void done() {
    gather.onOutcome(inode, ErrorCode.OK, "");
  }

  @Override
  final void onFailed(ErrorCode code, String message) {
    gather.onOutcome(inode, code, message);
  }

  /** After a sync on the way: the same item again. */
  final void onSynced(DiskAgent agent, ErrorCode code, String message) {
    if (code.isOk()) {
      agent.resume(this);
    } else {
      onFailed(code, message);
    }
  }

  final void checkUsable(StoredObject object) throws Outcome {
    if (object.failure() != null) {
      throw new Outcome(ErrorCode.IO_ERROR, "stopped: " + object.failure());
    }
  }

  /** What was written and answered is durable when this is answered. */
  static DiskOperation sync(Replica replica, SyncObjects request, long inode, Gather gather) {
    return new ItemOperation(replica, inode, gather) {
      @Override
      boolean onDecide(DiskAgent agent, DbBatch batch) throws IOException, Outcome {
        replica.checkSettling(request.getEpoch());
        StoredObject object = object(agent);
        if (Renewal.holds(agent, replica, object, this)) {
          return false;
        }
        checkUsable(object);
        agent.sync(
            object,
            request.getTimes(),
            (code, message) -> {
              if (code.isOk()) {
                done();
              } else {
                onFailed(code, message);
              }
            });
        return false;
      }
    };
  }

  /** The dirty mark goes, if it is this one, the data is durable, and the absent have theirs. */
  static DiskOperation clearDirty(
      Replica replica,
      long epoch,
      long inode,
      Token token,
      long cycle,
      List<Integer> absent,
      Gather gather) {
    return new ItemOperation(replica, inode, gather) {
      @Override
      boolean onDecide(DiskAgent agent, DbBatch batch) throws IOException, Outcome {
        Replica.View view = replica.checkEpoch(epoch);
        Set<Integer> missed = new LinkedHashSet<>(absent);
        missed.addAll(view.config().absent());
        StoredObject object = object(agent);
        if (Renewal.holds(agent, replica, object, this)) {
          return false;
        }
        Decision decision = agent.markRules().onClearDirty(object.marks(), token, cycle, missed);
        if (decision instanceof Decision.Refuse refuse) {
          throw new Outcome(
              refuse.code(), "a pending mark for one of " + missed + " does not stand");
        }
        object.repair().noteCleared(token, cycle);
        Decision.Admit admit = (Decision.Admit) decision;
        if (!admit.persist()) {
          return true;
        }
        checkUsable(object);
        if (object.hasAdmitted()) {
          agent.resume(this);
          return false;
        }
        if (object.isUnsynced()) {
          agent.sync(object, (code, message) -> onSynced(agent, code, message));
          return false;
        }
        settle(agent, replica, object, admit.marks(), batch);
        return true;
      }

      @Override
      void onCommitted(DiskAgent agent) {
        done();
      }
    };
  }

  /**
   * Stores marks that lost their last sign of work in progress, with the size and the checksums
   * that hold now. May be lost in a crash: the mark comes back and does no harm.
   */
  static void settle(
      DiskAgent agent, Replica replica, StoredObject object, ObjectMarks marks, DbBatch batch) {
    ObjectMarks next = marks;
    if (marks.isSettled()) {
      next = marks.withPresent(object.exists()).withSize(object.sizeBytes());
      object.flushSums(batch);
    }
    agent.putMarks(replica, object, next, batch, false);
  }

  /** The member was healed of what this version speaks of. */
  static DiskOperation clearPending(
      Replica replica, long epoch, long inode, int member, long version, Gather gather) {
    return new ItemOperation(replica, inode, gather) {
      @Override
      boolean onDecide(DiskAgent agent, DbBatch batch) throws IOException, Outcome {
        replica.checkEpoch(epoch);
        StoredObject object = object(agent);
        Decision decision = agent.markRules().onClearPending(object.marks(), member, version);
        if (decision instanceof Decision.Refuse refuse) {
          throw new Outcome(refuse.code(), "the mark was renewed");
        }
        Decision.Admit admit = (Decision.Admit) decision;
        if (admit.persist()) {
          agent.putMarks(replica, object, admit.marks(), batch, false);
        }
        return true;
      }

      @Override
      void onCommitted(DiskAgent agent) {
        done();
      }
    };
  }

  /** A tombstone, then the file goes. */
  static DiskOperation delete(Replica replica, long epoch, long inode, Token token, Gather gather) {
    return new ItemOperation(replica, inode, gather) {
      @Override
      boolean onDecide(DiskAgent agent, DbBatch batch) throws IOException, Outcome {
        replica.checkEpoch(epoch);
        StoredObject object = object(agent);
        if (object.hasAdmitted()) {
          agent.resume(this);
          return false;
        }
        Decision decision = agent.markRules().onDelete(object.marks(), token);
        if (decision instanceof Decision.Refuse refuse) {
          throw new Outcome(refuse.code(), "token " + token + " is old: " + object.marks());
        }
        Decision.Admit admit = (Decision.Admit) decision;
        if (admit.persist()) {
          object.clearSums(batch);
          agent.putMarks(replica, object, admit.marks(), batch, true);
        }
        return true;
      }

      @Override
      void onCommitted(DiskAgent agent) throws IOException, Outcome {
        object(agent).deleteFile();
        done();
      }
    };
  }

  /**
   * Every member has confirmed the death of the inode: nothing of it is kept. The tombstone goes
   * last: a file that came back with a loss of power would be nobody's.
   */
  static DiskOperation forget(Replica replica, long inode, Gather gather) {
    return new ItemOperation(replica, inode, gather) {
      @Override
      boolean onDecide(DiskAgent agent, DbBatch batch) throws IOException, Outcome {
        StoredObject object = object(agent);
        if (object.marks().tombstone() && !object.hasAdmitted()) {
          if (object.exists()) {
            object.deleteFile();
          }
          if (object.isUnsynced()) {
            agent.sync(object, (code, message) -> onSynced(agent, code, message));
            return false;
          }
          batch.removeMarks(object.key());
          agent.table().forget(object.key());
        }
        return true;
      }

      @Override
      void onCommitted(DiskAgent agent) {
        done();
      }
    };
  }
}
