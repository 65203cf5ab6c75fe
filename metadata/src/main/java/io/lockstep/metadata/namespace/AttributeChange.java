package io.lockstep.metadata.namespace;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.Token;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Caller;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.SetAttributes;
import io.lockstep.wire.message.Timestamp;

/**
 * Confined to one mutation. chmod, chown, utimens and truncate.
 *
 * <p>The token fences size and times: one older than the newest whose holder changed them is
 * refused with STALE_TOKEN.
 */
final class AttributeChange {
  private static final int NO_ID = -1;
  private static final int SPECIAL_BITS = Inode.SETUID | Inode.SETGID;

  private final Change change;
  private final SetAttributes asked;
  private final Caller caller;
  private Inode inode;

  AttributeChange(Change change, SetAttributes asked) {
    this.change = change;
    this.asked = asked;
    this.caller = asked.getCaller();
  }

  Reply setAttributes() {
    inode = change.inode(asked.getInode());
    ErrorCode code = inode == null ? ErrorCode.NOT_FOUND : checkValues();
    if (code.isOk()) {
      code = checkRights();
    }
    if (code.isOk() && changesContent() && token().isOlderThan(inode.sizeToken())) {
      code = ErrorCode.STALE_TOKEN;
    }
    if (!code.isOk()) {
      return Answers.refused(code);
    }
    if (changesAnything()) {
      // First: it decides by the owner and group of before.
      setMode();
      setOwner();
      setSize();
      setTimes();
      inode.changedAt(change.now());
    }
    return Answers.attributes(inode);
  }

  private Token token() {
    return Convert.token(asked.getToken());
  }

  /** Whether it speaks as the holder of the lease. */
  private boolean changesContent() {
    return asked.hasToken() || asked.hasSize();
  }

  private boolean changesTimes() {
    return asked.hasAtime() || asked.hasMtime() || asked.getAtimeNow() || asked.getMtimeNow();
  }

  private boolean changesOwner() {
    return asked.hasUid() || asked.hasGid();
  }

  private boolean changesAnything() {
    return asked.hasMode() || changesOwner() || asked.hasSize() || changesTimes();
  }

  private ErrorCode checkValues() {
    if (asked.hasSize()) {
      ErrorCode code = checkSize();
      if (!code.isOk()) {
        return code;
      }
    }
    boolean noId =
        (asked.hasUid() && asked.getUid() == NO_ID) || (asked.hasGid() && asked.getGid() == NO_ID);
    boolean twoTimes =
        (asked.hasAtime() && asked.getAtimeNow()) || (asked.hasMtime() && asked.getMtimeNow());
    boolean badTime =
        !Timestamps.isValid(asked.getAtime()) || !Timestamps.isValid(asked.getMtime());
    if (noId || twoTimes || badTime) {
      return ErrorCode.INVALID_ARGUMENT;
    }
    boolean linkMode = asked.hasMode() && inode.type() == FileType.SYMLINK;
    return linkMode ? ErrorCode.NOT_SUPPORTED : ErrorCode.OK;
  }

  private ErrorCode checkSize() {
    if (inode.isDirectory()) {
      return ErrorCode.IS_DIRECTORY;
    }
    if (!inode.isRegular() || asked.getSize() < 0) {
      return ErrorCode.INVALID_ARGUMENT;
    }
    return asked.getSize() > Limits.FILE_BYTES_MAX ? ErrorCode.FILE_TOO_BIG : ErrorCode.OK;
  }

  private ErrorCode checkRights() {
    if (Rights.isRoot(caller)) {
      return ErrorCode.OK;
    }
    boolean owner = Rights.isOwner(caller, inode);
    boolean uidKept = !asked.hasUid() || (owner && asked.getUid() == inode.uid());
    if (!uidKept || !mayChangeGroup(owner) || !mayChangeMode(owner)) {
      return ErrorCode.NOT_PERMITTED;
    }
    return owner ? ErrorCode.OK : checkTimesOfOthers();
  }

  private boolean mayChangeGroup(boolean owner) {
    int gid = asked.getGid();
    return !asked.hasGid() || (owner && (gid == inode.gid() || Rights.isInGroup(caller, gid)));
  }

  /**
   * The kernel takes setuid and setgid away from what somebody writes in the name of the writer, so
   * everybody may clear just these.
   */
  private boolean mayChangeMode(boolean owner) {
    int mode = asked.getMode();
    boolean onlyClears =
        (mode & inode.mode()) == mode && ((mode ^ inode.mode()) & ~SPECIAL_BITS) == 0;
    return !asked.hasMode() || owner || onlyClears;
  }

  /** Who may write may touch; only an owner sets times at will. A truncation brings its times. */
  private ErrorCode checkTimesOfOthers() {
    if (!changesTimes() || asked.hasSize()) {
      return ErrorCode.OK;
    }
    boolean touch = asked.getAtimeNow() && asked.getMtimeNow();
    if (!touch) {
      return ErrorCode.NOT_PERMITTED;
    }
    return Rights.mayWrite(caller, inode) ? ErrorCode.OK : ErrorCode.ACCESS_DENIED;
  }

  private void setMode() {
    if (asked.hasMode()) {
      int mode = asked.getMode() & Inode.MODE_MASK;
      int gid = asked.hasGid() ? asked.getGid() : inode.gid();
      inode.change().setMode(isForeignGroup(gid) ? mode & ~Inode.SETGID : mode);
    } else if (changesOwner() && !inode.isDirectory()) {
      boolean foreign = isForeignGroup(inode.gid());
      inode.clearSetuid();
      if (foreign) {
        inode.change().setMode(inode.mode() & ~Inode.SETGID);
      }
    } else if (asked.hasSize() && !Rights.isRoot(caller)) {
      inode.clearSetuid();
    }
  }

  private boolean isForeignGroup(int gid) {
    return !Rights.isRoot(caller) && !Rights.isInGroup(caller, gid);
  }

  private void setOwner() {
    if (asked.hasUid()) {
      inode.change().setUid(asked.getUid());
    }
    if (asked.hasGid()) {
      inode.change().setGid(asked.getGid());
    }
  }

  private void setSize() {
    if (asked.hasSize()) {
      inode.change().setSize(asked.getSize());
      inode.modifiedAt(change.now());
    }
    if (changesContent() && inode.isRegular()) {
      inode.change().setSizeToken(asked.getToken());
    }
  }

  private void setTimes() {
    Attributes.Builder attributes = inode.change();
    Timestamp now = change.now();
    if (asked.hasAtime() || asked.getAtimeNow()) {
      attributes.setAtime(asked.getAtimeNow() ? now : Timestamps.inRange(asked.getAtime()));
    }
    if (asked.hasMtime() || asked.getMtimeNow()) {
      attributes.setMtime(asked.getMtimeNow() ? now : Timestamps.inRange(asked.getMtime()));
    }
  }
}
