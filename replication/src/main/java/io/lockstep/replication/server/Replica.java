package io.lockstep.replication.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Outcome;
import io.lockstep.core.SetConfig;
import io.lockstep.replication.marks.ObjectMarks;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.MemberMessage;
import io.lockstep.wire.message.ObjectState;
import io.lockstep.wire.message.PendingMark;
import io.lockstep.wire.message.SetConfigMessage;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Guarded by volatile fields, which the control agent alone writes. One LIVE replica: the adopted
 * configuration as seen from here, and what it counts.
 */
final class Replica {
  /**
   * Immutable. One adopted configuration.
   *
   * @param member own id; 0 if this daemon is no member
   * @param mode of this run; null if the configuration does not speak of it (P3)
   */
  record View(SetConfig config, SetConfigMessage message, int member, @Nullable MemberMode mode) {
    static View of(SetConfigMessage message, UUID daemon, long incarnation) throws Outcome {
      SetConfig config = Convert.config(message);
      Member self = config.memberOn(daemon);
      boolean thisRun = self != null && self.incarnation() == incarnation;
      return new View(config, message, self == null ? 0 : self.id(), thisRun ? self.mode() : null);
    }

    long epoch() {
      return config.epoch();
    }

    /** Where a member listens, or an empty string. */
    String address(int id) {
      for (MemberMessage m : message.getMembersList()) {
        if (m.getId() == id) {
          return m.getAddress();
        }
      }
      return "";
    }
  }

  final long set;
  final LongAdder objects = new LongAdder();
  final LongAdder dirty = new LongAdder();
  final LongAdder pending = new LongAdder();

  /** Sizes of the objects when they were settled last. */
  final LongAdder bytes = new LongAdder();

  final LongAdder healedBytes = new LongAdder();
  final AtomicLong highestInode = new AtomicLong();

  private volatile View view;
  private volatile String note = "";
  private volatile boolean lost;

  Replica(long set, View view) {
    this.set = set;
    this.view = view;
  }

  View view() {
    return view;
  }

  /** By the control agent. */
  void become(View adopted) {
    view = adopted;
  }

  /** For people: the last failure. */
  String note() {
    return note;
  }

  void note(String text) {
    note = text;
  }

  /** Its directory is gone: nothing is served, nothing is made anew in its place. */
  boolean isLost() {
    return lost;
  }

  void lose(String reason) {
    lost = true;
    note = reason;
  }

  /** STALE_EPOCH unless the request follows the adopted configuration. */
  View checkEpoch(long epoch) throws Outcome {
    View now = view;
    if (lost) {
      throw new Outcome(ErrorCode.NO_REPLICA, note);
    }
    int order = Long.compareUnsigned(epoch, now.epoch());
    if (order < 0) {
      throw new Outcome(ErrorCode.STALE_EPOCH, "epoch " + epoch + " is older than " + now.epoch());
    }
    if (order > 0) {
      throw new Outcome(ErrorCode.BUSY, "epoch " + epoch + " is not known here yet");
    }
    return now;
  }

  /** A member that takes writes, of an open set. */
  View checkWriter(long epoch) throws Outcome {
    View now = checkInStep(epoch);
    if (now.mode() == MemberMode.ERR) {
      throw new Outcome(ErrorCode.BUSY, "this member is out of step at epoch " + epoch);
    }
    return now;
  }

  /** RW at the epoch that the reader follows (I4). */
  View checkReader(long epoch) throws Outcome {
    View now = checkInStep(epoch);
    if (now.mode() != MemberMode.RW) {
      throw new Outcome(ErrorCode.NOT_READABLE, "this member is " + now.mode());
    }
    return now;
  }

  /**
   * A member whose data is made durable, or whose marks are set: in a closed set it is the master
   * that asks, to settle (P3).
   */
  View checkSettling(long epoch) throws Outcome {
    View now = checkEpoch(epoch);
    return now.config().open() ? checkWriter(epoch) : now;
  }

  private View checkInStep(long epoch) throws Outcome {
    View now = checkEpoch(epoch);
    if (!now.config().open()) {
      throw new Outcome(ErrorCode.SET_CLOSED, "the set waits for its members to settle");
    }
    if (now.mode() == null) {
      throw new Outcome(ErrorCode.BUSY, "this run of the member is not in step");
    }
    return now;
  }

  /** Keeps the counts of marks and objects. */
  void onMarks(long inode, ObjectMarks before, ObjectMarks after) {
    objects.add((after.present() ? 1 : 0) - (before.present() ? 1 : 0));
    dirty.add((after.isSettled() ? 0 : 1) - (before.isSettled() ? 0 : 1));
    pending.add((after.pending().isEmpty() ? 0 : 1) - (before.pending().isEmpty() ? 0 : 1));
    bytes.add(after.size() - before.size());
    if (!before.present() && after.present()) {
      highestInode.accumulateAndGet(inode, (a, b) -> Long.compareUnsigned(a, b) >= 0 ? a : b);
    }
  }

  /** The state of an object as a message. */
  static ObjectState.Builder state(long inode, ObjectMarks marks, boolean exists, long size) {
    ObjectState.Builder state =
        ObjectState.newBuilder()
            .setInode(inode)
            .setExists(exists)
            .setTombstone(marks.tombstone())
            .setHalfRepaired(marks.healing())
            .setSize(size)
            .setNewestToken(Convert.message(marks.newest()));
    if (marks.dirty() != null) {
      state
          .setDirty(true)
          .setDirtyToken(Convert.message(marks.dirty().token()))
          .setDirtyCycle(marks.dirty().cycle());
    }
    marks
        .pending()
        .forEach(
            (member, mark) ->
                state.addPending(
                    PendingMark.newBuilder().setMember(member).setVersion(mark.version())));
    return state;
  }
}
