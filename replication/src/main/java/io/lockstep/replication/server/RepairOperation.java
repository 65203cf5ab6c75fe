package io.lockstep.replication.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Outcome;
import io.lockstep.core.Token;
import io.lockstep.replication.heal.HealRules;
import io.lockstep.replication.heal.Range;
import io.lockstep.replication.heal.SourceState;
import io.lockstep.replication.heal.TakenRanges;
import io.lockstep.replication.marks.Copy;
import io.lockstep.replication.marks.Decision;
import io.lockstep.replication.marks.DirtyMark;
import io.lockstep.replication.marks.ObjectMarks;
import io.lockstep.replication.store.DbBatch;
import io.lockstep.replication.store.ObjectKey;
import io.lockstep.replication.store.StoredObject;
import io.lockstep.wire.Payload;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Confined to one disk agent once it is submitted. The local steps of healing or settling one
 * object. Each belongs to a task that owns the object from its begin on; settling takes an object
 * from a heal, never the other way round, and what a former owner still sends is refused.
 */
abstract class RepairOperation extends DiskOperation {
  /** Told how a step ended. */
  interface Listener {
    void onEnded(ErrorCode code, byte[] sums, StoredObject object);
  }

  /**
   * Immutable. Whose step it is.
   *
   * @param epoch at which the repair began; another one ends it
   * @param task owner of the object
   * @param seal the token that the object is sealed with if a settler owns it: a newer one means a
   *     new holder, over whose writes nothing may be copied. Null if it is being healed
   */
  record Owner(Replica replica, long epoch, long task, @Nullable Token seal) {
    boolean settling() {
      return seal != null;
    }
  }

  private static final byte[] NO_SUMS = {};

  final Owner owner;
  private final long inode;
  private final Listener listener;
  private StoredObject object;

  private RepairOperation(Owner owner, long inode, Listener listener) {
    this.owner = owner;
    this.inode = inode;
    this.listener = listener;
  }

  @Override
  boolean onDecide(DiskAgent agent, DbBatch batch) throws IOException, Outcome {
    if (followsEpoch()) {
      owner.replica().checkEpoch(owner.epoch());
    }
    object = agent.table().object(new ObjectKey(owner.replica().set, inode));
    if (object.failure() != null && !servesStopped(agent)) {
      throw new Outcome(ErrorCode.IO_ERROR, "stopped: " + object.failure());
    }
    return onRepair(agent, batch);
  }

  /** Whether this step is one of its epoch only. */
  boolean followsEpoch() {
    return true;
  }

  /** Whether this step is done on a stopped object, too. */
  boolean servesStopped(DiskAgent agent) {
    return false;
  }

  abstract boolean onRepair(DiskAgent agent, DbBatch batch) throws IOException, Outcome;

  @Override
  final void onFailed(ErrorCode code, String message) {
    listener.onEnded(code, NO_SUMS, object);
  }

  final StoredObject object() {
    return object;
  }

  final void done(byte[] sums) {
    listener.onEnded(ErrorCode.OK, sums, object);
  }

  final void checkOwner() throws Outcome {
    if (object.repairTask() != owner.task()) {
      throw new Outcome(ErrorCode.CONFLICT, "another repair owns object " + object.key());
    }
    checkSeal(object.marks().newest());
  }

  /** Settling ends where somebody was granted the object after it was sealed. */
  final void checkSeal(Token newest) throws Outcome {
    if (isOvertaken(newest)) {
      throw new Outcome(
          ErrorCode.STALE_TOKEN,
          "object " + object.key() + " has a holder newer than the seal " + owner.seal());
    }
  }

  final boolean isOvertaken(Token newest) {
    return owner.seal() != null && owner.seal().isOlderThan(newest);
  }

  /** What clients changed of it; nothing if this member is not WO. */
  final TakenRanges taken() {
    boolean healing = owner.replica().view().mode() == MemberMode.WO && !owner.settling();
    return healing ? object.repair().taken(owner.epoch()) : new TakenRanges();
  }

  /** After a sync on the way: the same step again. */
  final void onSynced(DiskAgent agent, ErrorCode code, String message) {
    if (code.isOk()) {
      agent.resume(this);
    } else {
      onFailed(code, message);
    }
  }

  final void sync(DiskAgent agent) {
    agent.sync(
        object,
        (code, message) -> {
          if (code.isOk()) {
            done(NO_SUMS);
          } else {
            onFailed(code, message);
          }
        });
  }

  /**
   * The source knows that these lack changes which are going to be here, too: this copy may be the
   * only one left that they can heal from.
   */
  private static Set<Integer> outOfStep(Replica.View view, SourceState source) {
    Set<Integer> missing = new TreeSet<>();
    for (Member member : view.config().members()) {
      boolean other = member.id() != view.member() && member.mode() != MemberMode.RW;
      if (other && source.missedBy().contains(member.id())) {
        missing.add(member.id());
      }
    }
    return missing;
  }

  /** Takes the object, makes known what the source knows, and gives it the source's size. */
  static DiskOperation begin(
      Owner owner,
      long inode,
      SourceState source,
      @Nullable DirtyMark sourceDirty,
      Listener listener) {
    return new RepairOperation(owner, inode, listener) {
      /**
       * Begins it anew; not over what a client wrote at this epoch: the source may get it later.
       */
      @Override
      boolean servesStopped(DiskAgent agent) {
        return !owner.settling() && !taken().isTouched() && !agent.isSyncing(object());
      }

      @Override
      boolean onRepair(DiskAgent agent, DbBatch batch) throws Outcome {
        if (object().hasAdmitted()) {
          agent.resume(this);
          return false;
        }
        checkSeal(object().marks().newest());
        checkSeal(source.newest());
        // Tasks of settlers are negative.
        if (!owner.settling() && object().repairTask() < 0) {
          throw new Outcome(ErrorCode.CONFLICT, "the object is being settled");
        }
        Decision decision =
            agent
                .markRules()
                .onRepairBegin(
                    object().marks(),
                    source.newest(),
                    object().repair().uncleared(sourceDirty),
                    outOfStep(owner.replica().view(), source),
                    owner.epoch());
        if (decision instanceof Decision.Refuse refuse) {
          throw new Outcome(refuse.code(), "object " + object().key() + " is dead here");
        }
        Decision.Admit admit = (Decision.Admit) decision;
        if (admit.persist()) {
          agent.putMarks(owner.replica(), object(), admit.marks(), batch, true);
        }
        return true;
      }

      @Override
      void onCommitted(DiskAgent agent) throws Outcome {
        if (object().isLost()) {
          object().renew();
        }
        object().refresh();
        object().beginRepair(owner.task());
        HealRules rules = agent.healRules();
        if (owner.settling() || rules.isSuperseded(taken(), source.newest())) {
          object().repair().clearTaken();
        }
        long sourceSize = source.sizeBytes();
        long target = rules.targetSize(taken(), object().sizeBytes(), sourceSize);
        if (target != object().sizeBytes()) {
          object().truncate(target);
        }
        // What lies behind the source's end and is no client's is of an older past.
        for (Range stale : rules.writable(taken(), sourceSize, Math.max(sourceSize, target))) {
          object().zero(stale.from(), stale.to());
        }
        done(NO_SUMS);
      }
    };
  }

  /** Checksums of a range as it is on the disk here. */
  static DiskOperation hash(Owner owner, long inode, long offset, int blocks, Listener listener) {
    return new RepairOperation(owner, inode, listener) {
      @Override
      boolean onRepair(DiskAgent agent, DbBatch batch) throws Outcome {
        checkOwner();
        done(object().hashAndLearn(offset, blocks));
        return false;
      }
    };
  }

  /** Writes pulled bytes but for what clients took. Releases {@code bytes}. */
  static DiskOperation write(
      Owner owner, long inode, long offset, Payload bytes, Listener listener) {
    Listener releasing =
        (code, sums, object) -> {
          bytes.release();
          listener.onEnded(code, sums, object);
        };
    return new RepairOperation(owner, inode, releasing) {
      @Override
      boolean onRepair(DiskAgent agent, DbBatch batch) throws Outcome {
        checkOwner();
        if (!agent.space().tryTake(bytes.sizeBytes(), agent.nowNs())) {
          throw new Outcome(ErrorCode.NO_SPACE, "the disk of this member is full");
        }
        long end = offset + bytes.sizeBytes();
        for (Range range : agent.healRules().writable(taken(), offset, end)) {
          object().write(range.from(), slice(bytes, range.from() - offset, range.length()));
          owner.replica().healedBytes.add(range.length());
          agent.counters().healedBytes.add(range.length());
        }
        done(NO_SUMS);
        return false;
      }
    };
  }

  private static ByteBuffer[] slice(Payload bytes, long skip, long length) {
    long at = skip;
    long rest = length;
    ByteBuffer[] all = bytes.buffers();
    for (int i = 0; i < all.length; i++) {
      int size = all[i].remaining();
      int from = (int) Math.min(at, size);
      int count = (int) Math.min(rest, size - from);
      all[i] = all[i].duplicate();
      all[i].limit(all[i].position() + from + count).position(all[i].position() + from);
      at -= from;
      rest -= count;
    }
    return all;
  }

  static DiskOperation sync(Owner owner, long inode, Listener listener) {
    return new RepairOperation(owner, inode, listener) {
      @Override
      boolean onRepair(DiskAgent agent, DbBatch batch) throws Outcome {
        checkOwner();
        sync(agent);
        return false;
      }
    };
  }

  /**
   * The object is equal to the source. A dirty mark of an earlier run goes with it, unless a client
   * renewed it; so does one whose lease the source knows to have ended.
   */
  static DiskOperation finish(
      Owner owner,
      long inode,
      @Nullable DirtyMark ownDirty,
      boolean keepsDirty,
      Listener listener) {
    return new RepairOperation(owner, inode, listener) {
      @Override
      boolean onRepair(DiskAgent agent, DbBatch batch) throws Outcome {
        checkOwner();
        ObjectMarks marks = object().marks();
        Decision.Admit admit =
            (Decision.Admit) agent.markRules().onRepairEnd(marks, clearable(marks));
        boolean settled = admit.marks().isSettled();
        if (settled && object().hasAdmitted()) {
          agent.resume(this);
          return false;
        }
        if (settled && object().isUnsynced()) {
          agent.sync(object(), (code, message) -> onSynced(agent, code, message));
          return false;
        }
        if (admit.persist()) {
          ItemOperation.settle(agent, owner.replica(), object(), admit.marks(), batch);
        }
        object().repair().end();
        return true;
      }

      private @Nullable DirtyMark clearable(ObjectMarks marks) {
        DirtyMark dirty = marks.dirty();
        if (owner.settling() || dirty == null) {
          return null;
        }
        // A clear of this cycle, or of a later one that was missed here, will not come again.
        if (keepsDirty && object().repair().uncleared(dirty) != null) {
          return null;
        }
        boolean ended = dirty.token().isOlderThan(marks.newest());
        return ended || (dirty.equals(ownDirty) && !taken().isTouched()) ? dirty : null;
      }

      @Override
      void onCommitted(DiskAgent agent) {
        done(NO_SUMS);
      }
    };
  }

  /**
   * Takes a half repaired object as it is: it is a mix of copies that each had all that was
   * fsynced, and no other is left.
   */
  static DiskOperation keep(Owner owner, long inode, Listener listener) {
    return new RepairOperation(owner, inode, listener) {
      private boolean rewritten;

      @Override
      boolean onRepair(DiskAgent agent, DbBatch batch) throws Outcome {
        checkSeal(object().marks().newest());
        if (object().hasAdmitted()) {
          agent.resume(this);
          return false;
        }
        if (object().marks().copy() == Copy.LOST && !rewritten) {
          rewritten = true;
          object().rewrite();
        }
        if (object().isUnsynced()) {
          agent.sync(object(), (code, message) -> onSynced(agent, code, message));
          return false;
        }
        Decision.Admit whole =
            (Decision.Admit) agent.markRules().onRepairEnd(object().marks(), /* ownDirty= */ null);
        if (whole.persist()) {
          ItemOperation.settle(agent, owner.replica(), object(), whole.marks(), batch);
        }
        object().repair().end();
        return true;
      }

      @Override
      void onCommitted(DiskAgent agent) {
        done(NO_SUMS);
      }
    };
  }

  /**
   * The repair failed: the object stays marked, for another. But where a new holder has begun to
   * write, nothing was unequal, or he would not have been granted it: it is whole, and his own mark
   * stands.
   */
  static DiskOperation abandon(Owner owner, long inode, Listener listener) {
    return new RepairOperation(owner, inode, listener) {
      /** The end of an epoch is why most repairs fail, and who comes next must find it free. */
      @Override
      boolean followsEpoch() {
        return false;
      }

      @Override
      boolean servesStopped(DiskAgent agent) {
        return true;
      }

      @Override
      boolean onRepair(DiskAgent agent, DbBatch batch) {
        ObjectMarks marks = object().marks();
        if (object().repairTask() == owner.task()) {
          object().repair().end();
          Decision.Admit whole =
              (Decision.Admit) agent.markRules().onRepairEnd(marks, /* ownDirty= */ null);
          boolean usable = hasTakenPart() && object().failure() == null;
          boolean begun = isOvertaken(marks.newest()) && !whole.marks().isSettled();
          if (usable && begun && whole.persist()) {
            agent.putMarks(owner.replica(), object(), whole.marks(), batch, true);
            return true;
          }
        }
        done(NO_SUMS);
        return false;
      }

      /**
       * In what the new holder wrote. A member that was out of step since is healed by a task of
       * its own before it is RW.
       */
      private boolean hasTakenPart() {
        Replica.View view = owner.replica().view();
        return view.epoch() == owner.epoch() || view.mode() == MemberMode.RW;
      }

      @Override
      void onCommitted(DiskAgent agent) {
        done(NO_SUMS);
      }
    };
  }

  /** The object is dead at the source. */
  static DiskOperation delete(Owner owner, long inode, Token token, Listener listener) {
    return new RepairOperation(owner, inode, listener) {
      @Override
      boolean onRepair(DiskAgent agent, DbBatch batch) throws Outcome {
        if (object().hasAdmitted()) {
          agent.resume(this);
          return false;
        }
        Token newest = object().marks().newest();
        Decision decision =
            agent
                .markRules()
                .onDelete(object().marks(), token.isOlderThan(newest) ? newest : token);
        if (decision instanceof Decision.Refuse refuse) {
          throw new Outcome(refuse.code(), "not deleted");
        }
        Decision.Admit admit = (Decision.Admit) decision;
        if (admit.persist()) {
          object().clearSums(batch);
          agent.putMarks(owner.replica(), object(), admit.marks(), batch, true);
        }
        return true;
      }

      @Override
      void onCommitted(DiskAgent agent) throws Outcome {
        object().deleteFile();
        object().repair().end();
        done(NO_SUMS);
      }
    };
  }
}
