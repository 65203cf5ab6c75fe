package io.lockstep.replication.client;

import io.lockstep.wire.Convert;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.RefreshInodes;
import io.lockstep.wire.message.SetAttributes;
import io.lockstep.wire.message.Timestamp;
import org.jspecify.annotations.Nullable;

/**
 * Confined to the lock of its {@link WriteBuffer}. The times of a file as far as its holder knows
 * better than the master: of the last write, or as an application has set them since.
 */
final class HeldTimes {
  /** Of the last write or change of times; 0 = the master's are right. */
  private long changedAtNs;

  private @Nullable Timestamp mtime;
  private @Nullable Timestamp atime;

  /**
   * The version of the buffer at which an application set some of them, and no member knows what it
   * set; 0 = the master does.
   */
  private long chosenAt;

  /** What the master says is right. */
  void clear() {
    changedAtNs = 0;
    mtime = null;
    atime = null;
    chosenAt = 0;
  }

  /** The master knows what they were at that version. */
  void told(long version) {
    if (chosenAt <= version) {
      chosenAt = 0;
    }
  }

  boolean areChosen() {
    return chosenAt != 0;
  }

  void written(long wallTimeNs) {
    changedAtNs = wallTimeNs;
    mtime = Convert.timestamp(wallTimeNs);
  }

  /**
   * utimens: the times that are present.
   *
   * @param version of the buffer with them
   */
  void set(SetAttributes times, long wallTimeNs, long version) {
    Timestamp now = Convert.timestamp(wallTimeNs);
    changedAtNs = wallTimeNs;
    chosenAt = version;
    if (times.hasMtime() || times.getMtimeNow()) {
      mtime = times.getMtimeNow() ? now : times.getMtime();
    }
    if (times.hasAtime() || times.getAtimeNow()) {
      atime = times.getAtimeNow() ? now : times.getAtime();
    }
  }

  void overlay(Attributes master, Attributes.Builder attributes) {
    if (mtime != null) {
      attributes.setMtime(mtime);
    }
    if (atime != null) {
      attributes.setAtime(atime);
    }
    if (changedAtNs != 0 && Convert.nanos(master.getCtime()) < changedAtNs) {
      attributes.setCtime(Convert.timestamp(changedAtNs));
    }
  }

  void tell(RefreshInodes.Update.Builder update) {
    if (mtime != null) {
      update.setMtime(mtime);
    }
    if (atime != null) {
      update.setAtime(atime);
    }
    if (changedAtNs != 0) {
      update.setCtime(Convert.timestamp(changedAtNs));
    }
  }
}
